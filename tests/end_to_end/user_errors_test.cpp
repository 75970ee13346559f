// What users get wrong, and whether the program tells them what to put right: exit code 2, nothing
// on stdout, no trace in the store.
#include <SQLiteCpp/Database.h>
#include <unistd.h>

#include <filesystem>

#include "harness/base/files.h"
#include "reports/store/store.h"
#include "tests/harness/cli/program.h"
#include "tests/support/story_copy.h"

namespace hylo::tests {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

using Arguments = std::vector<std::string>;

/// An evaluation in a folder of its own, where only the given words are unusual.
class EvalErrors : public testing::Test {
 protected:
  std::string error(const Arguments& more, const fs::path& model = fixture("stories260k"),
                    const std::string& tasks = "story_openings") {
    Arguments words{"eval", "--model", model, "--tasks", tasks};
    words.insert(words.end(), more.begin(), more.end());
    return error_of_hylo(words, {.folder = folder_.path()});
  }
  TemporaryFolder folder_;
};

using CheckpointErrors = EvalErrors;
using StoreErrors = EvalErrors;

TEST_F(CheckpointErrors, AFolderThatIsNotThere) {
  EXPECT_THAT(error({}, "/nowhere/at-all"), HasSubstr("/nowhere/at-all: no such folder"));
}

TEST_F(CheckpointErrors, AnEmptyFolder) {
  EXPECT_THAT(error({}, folder_.path()),
              AllOf(HasSubstr("config.json"), HasSubstr("*.safetensors")));
}

TEST_F(CheckpointErrors, NoTokenizer) {
  const StoryCopy copy;
  fs::remove(copy / "tokenizer.json");
  fs::remove(copy / "tokenizer.model");
  EXPECT_THAT(error({}, copy.path()),
              AllOf(HasSubstr("no tokenizer"), HasSubstr("expected tokenizer.json")));
}

TEST_F(CheckpointErrors, WeightsThatWereCutOff) {
  const StoryCopy copy;
  for (const size_t num_bytes : {500'000, 0}) {
    copy.cut("model.safetensors", num_bytes);
    EXPECT_THAT(error({}, copy.path()),
                AllOf(HasSubstr("model.safetensors"), HasSubstr("cut off")));
  }
}

TEST_F(CheckpointErrors, AnArchitectureThatIsUnknown) {
  const StoryCopy copy;
  copy.change("config.json", "LlamaForCausalLM", "BlenderForCausalLM");
  EXPECT_THAT(error({}, copy.path()), AllOf(HasSubstr("config.json"), HasSubstr("'Blender"),
                                            HasSubstr("known are LlamaForCausalLM")));
}

TEST_F(CheckpointErrors, AConfigThatIsNotJson) {
  const StoryCopy copy;
  copy.cut("config.json", 40);
  EXPECT_THAT(error({}, copy.path()), HasSubstr("config.json: not JSON"));
}

TEST_F(CheckpointErrors, ATokenizerWithIdsThatTheModelHasNot) {
  const StoryCopy copy;
  copy.change("tokenizer.json", "\"added_tokens\": [",
              R"("added_tokens": [{"id": 512, "content": "<more>", "single_word": false,
                  "lstrip": false, "rstrip": false, "normalized": false, "special": true},)");
  EXPECT_THAT(error({"--tokenizer", copy.path()}), HasSubstr("not this model's tokenizer"));
  EXPECT_THAT(error({"--tokenizer", "/nowhere"}), HasSubstr("/nowhere: no such tokenizer"));
}

TEST_F(CheckpointErrors, ASyntheticModelWithoutATokenizerAndAScriptedSystemThatIsNone) {
  EXPECT_THAT(error({}, "synthetic:llama-3.2-1b"), HasSubstr("no tokenizer; name one"));
  EXPECT_THAT(error({"--tokenizer", fixture("stories260k").string()}, "synthetic:llama-3.2-1c"),
              HasSubstr("did you mean 'llama-3.2-1b'"));
  EXPECT_THAT(error({}, "scripted:crx"), HasSubstr("scripted:crc"));
  EXPECT_THAT(error_of_hylo({"generate", "--model", "scripted:crc", "--prompt", "x"}),
              HasSubstr("only `hylo eval`"));
}

TEST_F(EvalErrors, ATaskThatIsMisspelt) {
  EXPECT_THAT(error({}, fixture("stories260k"), "story_openingz"),
              HasSubstr("did you mean story_openings"));
  EXPECT_THAT(error({}, fixture("stories260k"), "story_openings,"), HasSubstr("has an empty name"));
}

TEST_F(EvalErrors, NumbersOutOfRange) {
  const std::vector<std::pair<Arguments, std::string>> cases{
      {{"--limit", "0"}, "--limit: expected a whole number from 1, found '0'"},
      {{"--num-fewshot", "3"}, "takes no worked examples"},
      {{"--seed", "-1"}, "--seed: expected a whole number from 0, found '-1'"},
      {{"--threads", "100000"}, "--threads: expected a whole number from 1 to 1024"},
      {{"--dtype", "float7"}, "--dtype: expected float32 or bfloat16, found 'float7'"},
      {{"--numeric-mode", "slow"}, "expected exact, stable or fast, found 'slow'"},
      {{"--gen-kwargs", "foo=1"}, "unknown key 'foo'"},
  };
  for (const auto& [words, text] : cases) EXPECT_THAT(error(words), HasSubstr(text));
}

TEST_F(EvalErrors, SamplesThatAreNonsense) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"story_openings", "expected TASK:IDS"},
      {"story_openings:", "expected document numbers such as 0,5,7-9"},
      {"story_openings:5-3", "runs backwards"},
      {"story_openings:99999", "from 0 to 279, found 99999"},
      {"arc_easy:1", "not among --tasks"},
  };
  for (const auto& [samples, text] : cases) {
    EXPECT_THAT(error({"--samples", samples}), HasSubstr(text)) << samples;
  }
}

TEST_F(EvalErrors, SamplesOfOneTaskGivenTwiceAreAllEvaluated) {
  const auto report =
      json_of_hylo({"eval", "--model", "scripted:crc", "--tasks", "story_openings", "--samples",
                    "story_openings:0", "--samples", "story_openings:7-8", "--json"},
                   {.folder = folder_.path()});
  EXPECT_EQ(report["results"][0]["n"], 3) << report;
}

TEST_F(EvalErrors, DataThatIsNotThere) {
  const auto arc = [&](const Arguments& more) {
    return error(more, fixture("stories260k"), "arc_easy");
  };
  EXPECT_THAT(arc({}), AllOf(HasSubstr("arc_easy"), HasSubstr("--data or HYLO_DATA")));
  EXPECT_THAT(arc({"--data", "/nowhere"}), AllOf(HasSubstr("--data"), HasSubstr("/nowhere")));
  EXPECT_THAT(arc({"--data", folder_.path()}), HasSubstr("found no such file"));
  EXPECT_THAT(error({"--data", "/nowhere"}), HasSubstr("--data '/nowhere'"));
}

TEST_F(EvalErrors, DataThatIsNotThatOfTheManifest) {
  fs::create_directories(folder_ / "arc");
  write_text_file(folder_ / "arc/ARC-Easy-Test.jsonl", "{}\n");
  EXPECT_THAT(error({"--data", folder_.path()}, fixture("stories260k"), "arc_easy"),
              AllOf(HasSubstr("ARC-Easy-Test.jsonl"), HasSubstr("found 3 bytes")));
}

TEST_F(EvalErrors, TextsLongerThanTheContext) {
  EXPECT_THAT(error({"--max-length", "40", "--limit", "20"}),
              AllOf(HasSubstr("16 of 40 requests do not fit in the 40 tokens"),
                    HasSubstr("--allow-truncation")));
  const auto cut = run_hylo({"eval", "--model", fixture("stories260k"), "--tasks", "story_openings",
                             "--max-length", "40", "--limit", "20", "--allow-truncation"},
                            {.folder = folder_.path()});
  EXPECT_EQ(cut.exit_code, 0) << cut.err;
  EXPECT_THAT(cut.out, HasSubstr("Truncated requests"));
}

TEST_F(StoreErrors, PlacesThatHoldNoStore) {
  EXPECT_THAT(error({"--store", "no/such/hylo.db"}), HasSubstr("does not exist; make it first"));
  EXPECT_THAT(error({"--store", folder_.path()}), HasSubstr("is a folder"));
  write_text_file(folder_ / "notes.txt", "words of a text that is no data base and long enough\n");
  EXPECT_THAT(error({"--store", "notes.txt"}), HasSubstr("notes.txt: is not an SQLite file"));
}

TEST_F(StoreErrors, AFolderThatCannotBeWritten) {
  if (::geteuid() == 0) GTEST_SKIP() << "root writes everywhere";
  fs::permissions(folder_.path(), fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_THAT(error({"--store", "hylo.db"}), HasSubstr("not writable"));
  fs::permissions(folder_.path(), fs::perms::owner_all);
}

TEST_F(StoreErrors, ADescriptionThatIsDamaged) {
  const auto file = folder_ / "hylo.db";
  ASSERT_EQ(
      run_hylo({"eval", "--model", "scripted:crc", "--tasks", "story_perplexity", "--store", file})
          .exit_code,
      0);
  reports::Store::open(file).database().exec("UPDATE model SET description = '{\"na'");
  EXPECT_THAT(error_of_hylo({"report", "latest", "--store", file}), HasSubstr("is damaged"));
}

// A file that may not grow ends as a full disk does, and the run goes on when it may.
TEST_F(StoreErrors, AFullDisk) {
  const std::string command = std::string(HYLO_PROGRAM) + " eval --model " +
                              fixture("stories260k").string() + " --tasks story_openings";
  const ChildOptions here{.folder = folder_.path()};
  const auto full = run_child({"/bin/bash", "-c", "ulimit -f 200; " + command}, here);
  EXPECT_EQ(full.exit_code, 2) << full.err;
  EXPECT_THAT(full.err, AllOf(HasSubstr("hylo: hylo.db"), HasSubstr("disk")));
  const auto resumed = run_child({"/bin/bash", "-c", command}, here);
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(run_hylo({"store", "check"}, here).exit_code, 0);
}

Arguments generate(const Arguments& more) {
  Arguments words{"generate", "--model", fixture("stories260k"), "--max-new-tokens", "5"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST(GenerateErrors, PromptsThatCannotBeTaken) {
  const TemporaryFolder folder;
  write_text_file(folder / "latin1.txt", "caf\xe9");
  const std::vector<std::pair<Arguments, std::string>> cases{
      {{}, "expected --prompt TEXT or --prompt-file FILE, found neither"},
      {{"--prompt", "a", "--prompt-file", "b"}, "found both"},
      {{"--prompt-file", "/nowhere"}, "/nowhere: cannot be read"},
      {{"--prompt-file", folder.path()}, "is a folder"},
      {{"--prompt-file", folder / "latin1.txt"}, "not UTF-8 at byte 3"},
      {{"--prompt", "a", "--stop", ""}, "--stop: expected a text"},
      {{"--prompt", "a", "--temperature", "-1"}, "temperature"},
      {{"--prompt", "a", "--max-length", "5"}, "expected fewer than the 5 tokens"},
      {{"--prompt", "Once upon a time", "--max-length", "8"}, "--allow-truncation"},
  };
  for (const auto& [words, text] : cases) {
    EXPECT_THAT(error_of_hylo(generate(words)), HasSubstr(text));
  }
}

TEST(Generate, AnEmptyPromptLetsTheModelBeginByItself) {
  const auto found = json_of_hylo(generate({"--prompt", "", "--json"}));
  EXPECT_EQ(found["prompt_tokens"], 1);
  EXPECT_EQ(found["text"], "Once upon a time,");
}

TEST(Generate, APromptThatIsTooLongIsCutOnDemandAndThatIsTold) {
  const auto cut = run_hylo(
      generate({"--prompt", "Once upon a time", "--max-length", "8", "--allow-truncation"}));
  EXPECT_EQ(cut.exit_code, 0);
  EXPECT_THAT(cut.err, HasSubstr("cut from the left of the prompt"));
}

TEST(Generate, APromptComesFromStandardInput) {
  const std::string command = "echo -n 'One day' | " + std::string(HYLO_PROGRAM) +
                              " generate --model " + fixture("stories260k").string() +
                              " --prompt-file - --max-new-tokens 5 --json";
  const auto piped = run_child({"/bin/bash", "-c", command});
  const auto given = json_of_hylo(generate({"--prompt", "One day", "--json"}));
  EXPECT_EQ(parse_json(piped.out, "stdout")["token_ids"], given["token_ids"]);
}

TEST(Generate, AReaderThatHasSeenEnoughIsNoError) {
  const std::string command = std::string(HYLO_PROGRAM) + " generate --model " +
                              fixture("stories260k").string() +
                              " --prompt Hi --max-new-tokens 200 | head -c 3; "
                              "echo ${PIPESTATUS[0]}";
  EXPECT_THAT(run_child({"/bin/bash", "-c", command}).out, testing::EndsWith("0\n"));
}

TEST(Convert, WritesTheSameBitsInSmallerFiles) {
  const TemporaryFolder folder;
  const auto copy = folder / "copy";
  const auto result = run_hylo(
      {"convert", fixture("stories260k"), copy.string() + "/", "--max-file-bytes", "200000"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(fs::exists(copy / "model.safetensors.index.json"));
  EXPECT_FALSE(fs::exists(copy.string() + ".part"));
  const Arguments asked{"--prompt", "One day", "--max-new-tokens", "20", "--json"};
  const auto text_of = [&](const fs::path& model) {
    Arguments words{"generate", "--model", model};
    words.insert(words.end(), asked.begin(), asked.end());
    return json_of_hylo(words)["token_ids"];
  };
  EXPECT_EQ(text_of(copy), text_of(fixture("stories260k")));
}

TEST(ConvertErrors, NothingIsWrittenOver) {
  const TemporaryFolder folder;
  write_text_file(folder / "thesis.txt", "years of work");
  EXPECT_THAT(error_of_hylo({"convert", fixture("stories260k"), folder.path()}),
              HasSubstr("not an empty folder"));
  EXPECT_THAT(error_of_hylo({"convert", fixture("stories260k"), fixture("stories260k")}),
              HasSubstr("not an empty folder"));
  EXPECT_THAT(error_of_hylo({"convert", "/nowhere", folder / "new"}), HasSubstr("no such folder"));
  EXPECT_THAT(error_of_hylo({"convert", fixture("stories260k"), folder / "new", "--dtype", "int8"}),
              HasSubstr("expected float32 or bfloat16, found 'int8'"));
  EXPECT_FALSE(fs::exists(folder / "new"));
}

TEST(UserErrorsGoldens, ADataFileWithOneOtherByteIsRefusedUntilItIsAllowed) {
  const auto original = data("arc/ARC-Easy-Test.jsonl");
  if (!original) GTEST_SKIP() << skip_reason("HYLO_DATA", "arc/ARC-Easy-Test.jsonl");
  const TemporaryFolder folder;
  fs::create_directories(folder / "arc");
  auto text = read_text_file(*original);
  text[text.find("\"stem\"") + 10] ^= 1;
  write_text_file(folder / "arc/ARC-Easy-Test.jsonl", text);
  Arguments words{"eval", "--model", "scripted:crc", "--tasks", "arc_easy",        "--limit",
                  "3",    "--data",  folder.path(),  "--store", folder / "hylo.db"};
  EXPECT_THAT(error_of_hylo(words), HasSubstr("sha256"));
  words.emplace_back("--allow-other-data");
  EXPECT_EQ(run_hylo(words).exit_code, 0);
}

}  // namespace
}  // namespace hylo::tests
