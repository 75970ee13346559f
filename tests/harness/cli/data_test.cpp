// hylo data build, verify, show, export, and what eval does with sets.

#include <algorithm>
#include <filesystem>
#include <regex>
#include <set>

#include "harness/base/files.h"
#include "harness/base/unicode.h"
#include "tasks/ruler/ruler_spec.h"
#include "tests/harness/cli/program.h"

namespace hylo::tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string tokenizer() { return fixture("stories260k"); }

std::vector<std::string> build_call(const std::filesystem::path& out, const std::string& tasks,
                                    const std::vector<std::string>& more = {}) {
  std::vector<std::string> call{"data",    "build", "ruler",     "--tokenizer", tokenizer(),
                                "--tasks", tasks,   "--lengths", "2K",          "--samples",
                                "3",       "--out", out};
  call.insert(call.end(), more.begin(), more.end());
  return call;
}

std::filesystem::path only_file(const std::filesystem::path& folder) {
  const std::vector<std::filesystem::directory_entry> files(
      std::filesystem::directory_iterator(folder), {});
  EXPECT_EQ(files.size(), 1U);
  return files.at(0).path();
}

TEST(Data, ASetIsBuiltVerifiedAndNotBuiltTwice) {
  const TemporaryFolder out;
  const auto built = json_of_hylo(build_call(out.path(), "fwe", {"--json"}));
  EXPECT_EQ(built["sets"][0]["state"], "built");
  EXPECT_EQ(built["sets"][0]["length"], 2048);
  EXPECT_EQ(only_file(out.path()), built["sets"][0]["file"].get<std::string>());
  const auto again = json_of_hylo(build_call(out.path(), "fwe", {"--json"}));
  EXPECT_EQ(again["sets"][0]["state"], "there");
  const auto verified = run_hylo({"data", "verify", out.path()});
  EXPECT_EQ(verified.exit_code, 0);
  EXPECT_THAT(verified.out, AllOf(HasSubstr("sound"), HasSubstr("3 samples")));
}

TEST(Data, AnEditedSetIsRefused) {
  const TemporaryFolder out;
  json_of_hylo(build_call(out.path(), "fwe", {"--json"}));
  const auto file = only_file(out.path());
  write_text_file(file, replace_all(read_text_file(file), "...", "..!"));
  const auto verified = run_hylo({"data", "verify", file});
  EXPECT_EQ(verified.exit_code, 2);
  EXPECT_THAT(verified.err, AllOf(HasSubstr("edited"), HasSubstr("expected sha256")));
  EXPECT_THAT(error_of_hylo({"eval", "--model", "scripted:crc", "--tasks", "fwe", "--sets",
                             out.path(), "--store", out / "a.db"}),
              HasSubstr("edited"));
}

// Neither the sample that was edited nor one that was not.
TEST(Data, NothingIsShownOfAnEditedSet) {
  const TemporaryFolder out;
  json_of_hylo(build_call(out.path(), "fwe", {"--json"}));
  const auto file = only_file(out.path());
  const auto text = read_text_file(file);
  const size_t last = text.rfind("\"references\":[\"");
  write_text_file(file, text.substr(0, last) + "\"references\":[\"edited" + text.substr(last + 21));
  for (const std::string id : {"2", "0"}) {
    const auto shown = run_hylo({"data", "show", file, id});
    EXPECT_EQ(shown.exit_code, 2);
    EXPECT_EQ(shown.out, "");
    EXPECT_THAT(shown.err,
                AllOf(HasSubstr(file.string() + ":4: sample 2: it was edited: expected sha256 "),
                      HasSubstr(", found "), HasSubstr("hylo data verify " + file.string())));
  }
}

TEST(Data, PlacesThatCannotBeReadAreNoFaultOfOurs) {
  const TemporaryFolder folder;
  const auto circle = folder / "circle";
  std::filesystem::create_symlink(circle, circle);
  const auto told = HasSubstr(circle.string() + ": cannot be read: Too many levels");
  EXPECT_THAT(error_of_hylo({"data", "verify", circle}), told);
  EXPECT_THAT(error_of_hylo(build_call(folder / "sets", "vt", {"--essays", circle})), told);
  EXPECT_THAT(error_of_hylo({"eval", "--model", "scripted:crc", "--tasks", "vt", "--sets", circle}),
              told);
}

TEST(Data, TasksThatDoNotFitAreLeftOutOfAllAndAnErrorByName) {
  const TemporaryFolder out;
  auto call = build_call(out.path(), "all");
  *std::ranges::find(call, "2K") = "1k";
  const auto all = run_hylo(call);
  EXPECT_EQ(all.exit_code, 0) << all.err;
  EXPECT_THAT(all.out, AllOf(HasSubstr("1k = 1,000 tokens"), HasSubstr("left out  cwe@1000"),
                             HasSubstr("smallest length is"), HasSubstr("built     fwe@1000")));
  *std::ranges::find(call, "all") = "cwe";
  const auto named = run_hylo(call);
  EXPECT_EQ(named.exit_code, 2);
  EXPECT_THAT(named.err,
              AllOf(HasSubstr("cwe at 1000 tokens: too small"), HasSubstr("smallest length is")));
}

// The worked example of vt has a fixed size that the tokenizer of the fixture exceeds.
TEST(Data, WhatNoLengthWillDoForIsLeftOutAndTheOthersAreBuilt) {
  const TemporaryFolder out;
  for (const bool is_dry : {true, false}) {
    auto call = build_call(out.path(), "vt,fwe", {"--mode", "compat", "--json"});
    if (is_dry) call.emplace_back("--dry-run");
    const auto built = run_hylo(call);
    EXPECT_EQ(built.exit_code, 2);
    EXPECT_THAT(built.err, AllOf(HasSubstr("worked example"), HasSubstr("1 of 2 sets"),
                                 testing::Not(HasSubstr("ask for a longer length"))));
    const auto sets = OrderedJson::parse(built.out)["sets"];
    EXPECT_EQ(sets[0]["state"], "left out");
    EXPECT_THAT(sets[0]["reason"].get<std::string>(), HasSubstr("no length"));
    EXPECT_EQ(sets[1]["state"], is_dry ? "fits" : "built");
  }
}

TEST(Data, CompatTellsWhichOfItsTextsAreGenerated) {
  const TemporaryFolder out;
  const auto essays = run_hylo(build_call(out.path(), "niah_single_2", {"--mode", "compat"}));
  EXPECT_THAT(essays.err, HasSubstr("generated: words, essays; not the reference's samples"));
  const auto coded = run_hylo(build_call(out.path(), "fwe", {"--mode", "compat"}));
  EXPECT_EQ(coded.err, "");
}

TEST(Data, ADryRunWritesNothing) {
  const TemporaryFolder out;
  const auto plan =
      json_of_hylo(build_call(out / "sets", "niah_single_1", {"--dry-run", "--json"}));
  EXPECT_EQ(plan["sets"][0]["state"], "fits");
  EXPECT_LT(plan["sets"][0]["smallest_length"], 2048);
  EXPECT_GT(plan["sets"][0]["tokens_per_sample"], 1500);
  EXPECT_FALSE(std::filesystem::exists(out / "sets"));
}

TEST(Data, ADryRunOfTwoMillionTokensTellsOfEveryTask) {
  const auto plan = run_hylo({"data", "build", "ruler", "--dry-run", "--tokenizer", tokenizer(),
                              "--lengths", "2M", "--samples", "1"});
  ASSERT_EQ(plan.exit_code, 0) << plan.err;
  EXPECT_EQ(plan.err, "");
  const auto lines = lines_of(plan.out);
  ASSERT_EQ(lines.size(), 14U) << plan.out;
  EXPECT_EQ(lines[0], "lengths   2M = 2,097,152 tokens");
  const std::regex line(
      R"(fits      (\S+)@2097152 +smallest length (\d+), about (\d+) tokens a prompt, \d\.\d\d MiB in )"
      R"(all \(1 of 1 samples tried\))");
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::string text(lines[i]);
    std::smatch told;
    ASSERT_TRUE(std::regex_match(text, told, line)) << text;
    const auto& spec = tasks::ruler::ruler_specs()[i - 1];
    EXPECT_EQ(told.str(1), spec.name);
    EXPECT_LT(std::stoll(told.str(2)), 2048) << text;
    const auto used = 1 + std::stoll(told.str(3)) + spec.max_new_tokens;
    EXPECT_LE(used, 2'097'152) << text;
    EXPECT_GE(static_cast<double>(used), 0.97 * 2'097'152) << text;
  }
}

TEST(Data, TheSmallestLengthDependsNeitherOnTheLengthsNorOnTheNumberOfSamples) {
  std::set<int64_t> smallest;
  for (const char* length : {"1K", "2K", "8K"}) {
    for (const char* samples : {"1", "70"}) {
      auto call = build_call("unused", "qa_1", {"--dry-run", "--json"});
      *std::ranges::find(call, "2K") = length;
      *std::ranges::find(call, "3") = samples;
      smallest.insert(json_of_hylo(call)["sets"][0]["smallest_length"].get<int64_t>());
    }
  }
  EXPECT_EQ(smallest.size(), 1U) << testing::PrintToString(smallest);
}

/// SQuAD's form: thirty articles of a sentence each, but the one of question 17 has a long one.
std::filesystem::path squad_with_a_long_paragraph(const TemporaryFolder& folder) {
  auto articles = Json::array();
  for (int i = 0; i < 30; ++i) {
    const auto answer = fmt::format("item{}", i);
    auto text = fmt::format("Box {} holds {}.", i, answer);
    for (int word = 0; i == 17 && word < 400; ++word) text += " and dust";
    const Json question{{"id", fmt::format("{}", i)},
                        {"question", fmt::format("What does box {} hold?", i)},
                        {"answers", {{{"text", answer}, {"answer_start", text.find(answer)}}}}};
    articles.push_back({{"title", fmt::format("Box {}", i)},
                        {"paragraphs", {{{"context", text}, {"qas", {question}}}}}});
  }
  const auto file = folder / "squad.json";
  write_text_file(file, Json{{"version", "1.1"}, {"data", articles}}.dump());
  return file;
}

/// A set of the mode compat from that file: what the dry run tells, and what building it does.
struct CompatCall {
  std::filesystem::path squad;
  int64_t length, num_samples;
};
Json compat_set(const CompatCall& call, const std::vector<std::string>& more) {
  auto arguments = build_call("", "qa_1", {"--mode", "compat", "--squad", call.squad, "--json"});
  *std::ranges::find(arguments, "2K") = std::to_string(call.length);
  *std::ranges::find(arguments, "3") = std::to_string(call.num_samples);
  arguments.erase(std::ranges::find(arguments, "--out"), std::ranges::find(arguments, "--mode"));
  arguments.insert(arguments.end(), more.begin(), more.end());
  return parse_json(run_hylo(arguments).out, "stdout").at("sets").at(0);
}

TEST(Data, WhatADryRunSaysFitsIsBuiltWhateverALaterSampleTakes) {
  const TemporaryFolder folder;
  const auto squad = squad_with_a_long_paragraph(folder);
  const auto dry = [&](int64_t length, int64_t num_samples) {
    return compat_set({squad, length, num_samples}, {"--dry-run"});
  };
  const auto built = [&](int64_t length, int64_t num_samples) {
    return compat_set({squad, length, num_samples}, {"--out", folder / "sets"});
  };
  const auto smallest = dry(2048, 17)["smallest_length"].get<int64_t>();
  EXPECT_EQ(dry(smallest, 17)["state"], "fits");
  EXPECT_EQ(dry(smallest, 17)["num_tried"], 17);
  EXPECT_EQ(built(smallest, 17)["state"], "built");

  const auto refused = dry(smallest, 18);
  EXPECT_EQ(refused["state"], "left out");
  EXPECT_EQ(built(smallest, 18)["state"], "left out");
  const auto needed = refused["needed_length"].get<int64_t>();
  EXPECT_GT(needed, smallest);
  EXPECT_THAT(refused["reason"].get<std::string>(),
              HasSubstr(fmt::format("its smallest length is {}, and the samples asked for take {}",
                                    smallest, needed)));
  EXPECT_EQ(dry(needed, 18)["state"], "fits");
  EXPECT_EQ(built(needed, 18)["state"], "built");
}

TEST(Data, ADryRunTellsOfQuestionsThatAreTooFew) {
  const TemporaryFolder folder;
  const auto squad = squad_with_a_long_paragraph(folder);
  const auto set = compat_set({squad, 32'768, 31}, {"--dry-run"});
  EXPECT_EQ(set["state"], "left out");
  EXPECT_THAT(set["reason"].get<std::string>(), HasSubstr("qa_1: 31 samples of 30 questions"));
  const auto fits = compat_set({squad, 32'768, 30}, {"--dry-run"});
  EXPECT_EQ(fits["state"], "fits");
  EXPECT_EQ(fits["num_tried"], 4);
}

TEST(Data, ASampleIsShownAndExported) {
  const TemporaryFolder out;
  json_of_hylo(build_call(out.path(), "fwe", {"--json"}));
  const auto file = only_file(out.path());
  const auto shown =
      json_of_hylo({"data", "show", file, "1", "--json", "--tokens", "--tokenizer", tokenizer()});
  EXPECT_EQ(shown["index"], 1);
  EXPECT_EQ(shown["token_ids"].size(), shown["num_tokens"].get<size_t>());
  EXPECT_THAT(error_of_hylo({"data", "show", file, "3"}), HasSubstr("from 0 to 2, found 3"));
  const auto exported = run_hylo(
      {"data", "export", out.path(), "--task", "fwe", "--length", "2K", "--format", "ruler"});
  EXPECT_EQ(exported.exit_code, 0) << exported.err;
  EXPECT_THAT(exported.out, testing::StartsWith("{\"index\": 0, \"input\": \"Read the following"));
  EXPECT_EQ(lines_of(exported.out).size(), 3U);
}

TEST(Data, SetsAreEvaluatedOnePerCell) {
  const TemporaryFolder out;
  json_of_hylo(build_call(out / "sets", "fwe,niah_single_1", {"--json"}));
  const auto report = run_hylo({"eval", "--model", "scripted:crc", "--tasks", "ruler@2048",
                                "--sets", out / "sets", "--store", out / "a.db"});
  EXPECT_EQ(report.exit_code, 0) << report.err;
  EXPECT_THAT(report.out, AllOf(HasSubstr("fwe@2048"), HasSubstr("niah_single_1@2048")));
}

TEST(Data, ASetIsNamedOnce) {
  const TemporaryFolder out;
  json_of_hylo(build_call(out.path(), "fwe", {"--json"}));
  const auto file = only_file(out.path());
  const auto same = out.path() / "." / file.filename();
  for (const auto& [first, second] :
       {std::pair{out.path(), out.path()}, {file, same}, {out.path(), file}}) {
    EXPECT_THAT(error_of_hylo({"eval", "--model", "scripted:crc", "--tasks", "fwe", "--sets", first,
                               "--sets", second, "--store", out / "a.db"}),
                AllOf(HasSubstr("is named twice, by '" + first.string() + "' and by '" +
                                second.string() + "'; leave one out")));
  }
}

TEST(Data, GenerationIsToldOtherwiseForRulerToo) {
  const TemporaryFolder out;
  json_of_hylo(build_call(out / "sets", "fwe", {"--json"}));
  const auto result =
      run_hylo({"eval", "--model", "scripted:crc", "--tasks", "fwe", "--sets", out / "sets",
                "--gen-kwargs", "max_gen_toks=4", "--store", out / "a.db"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(error_of_hylo({"eval", "--model", "scripted:crc", "--tasks", "story_openings",
                             "--gen-kwargs", "max_gen_toks=4", "--store", out / "b.db"}),
              HasSubstr("none of the tasks generates text"));
}

TEST(Data, WithoutSetsEvalSaysWhatBuildsThem) {
  EXPECT_THAT(error_of_hylo({"eval", "--model", "scripted:crc", "--tasks", "vt@4096"}),
              AllOf(HasSubstr("--sets"), HasSubstr("hylo data build ruler --tasks vt")));
  const TemporaryFolder empty;
  EXPECT_THAT(
      error_of_hylo({"eval", "--model", "scripted:crc", "--tasks", "vt", "--sets", empty.path()}),
      AllOf(HasSubstr("no such sample set"), HasSubstr("hylo data build ruler")));
}

TEST(Data, ASetForAnotherTokenizerIsRefusedUnlessAllowed) {
  const TemporaryFolder out;
  auto call = build_call(out / "sets", "fwe", {"--json"});
  *std::ranges::find(call, tokenizer()) = fixture("tokenizers/gpt2-like");
  json_of_hylo(call);
  std::vector<std::string> eval{"eval",   "--model",    tokenizer(), "--tasks", "fwe",
                                "--sets", out / "sets", "--dry-run", "--store", out / "a.db"};
  EXPECT_THAT(error_of_hylo(eval),
              AllOf(HasSubstr("another tokenizer"), HasSubstr("--allow-other-data")));
  eval.emplace_back("--allow-other-data");
  EXPECT_EQ(run_hylo(eval).exit_code, 0);
}

TEST(Data, WhatIsWrongWithTheCallIsTold) {
  const TemporaryFolder out;
  EXPECT_THAT(error_of_hylo(build_call(out.path(), "vtt")), HasSubstr("vt"));
  EXPECT_THAT(error_of_hylo(build_call(out.path(), "vt,vt")), HasSubstr("named twice"));
  EXPECT_THAT(error_of_hylo(build_call(out.path(), "vt,")), HasSubstr("an empty one in 'vt,'"));
  EXPECT_THAT(error_of_hylo(build_call(out.path(), "fwe,vt@4K")),
              HasSubstr("a task alone, found 'vt@4K'; lengths are given by --lengths: --tasks vt "
                        "--lengths 4K"));
  for (const std::string length : {"4194305", "5M", "4M,8M", "99999999999999999999"}) {
    auto too_long = build_call(out.path(), "vt");
    *std::ranges::find(too_long, "2K") = length;
    EXPECT_THAT(error_of_hylo(too_long),
                HasSubstr("is too long; samples have at most 4M (4194304) tokens"));
  }
  EXPECT_THAT(error_of_hylo(build_call(out.path(), "vt", {"--words", "/nowhere"})),
              HasSubstr("/nowhere"));
  EXPECT_THAT(error_of_hylo({"data", "build", "ruler", "--tokenizer", tokenizer(), "--lengths",
                             "4Q", "--dry-run"}),
              HasSubstr("--lengths: expected a length such as 4K"));
  EXPECT_THAT(error_of_hylo({"data", "build", "ruler", "--tokenizer", "/nowhere", "--lengths", "4K",
                             "--dry-run"}),
              HasSubstr("/nowhere"));
  EXPECT_THAT(
      error_of_hylo({"data", "build", "ruler", "--tokenizer", tokenizer(), "--lengths", "4K"}),
      HasSubstr("--out"));
}

TEST(Data, EssaysThatAreNoTextAreTold) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "empty");
  write_text_file(folder / "latin1.txt", "caf\xe9");
  const auto refusal = [&](const std::filesystem::path& essays) {
    return error_of_hylo(build_call(folder / "out", "niah_single_2", {"--essays", essays}));
  };
  EXPECT_THAT(refusal(folder / "empty"), HasSubstr("found none"));
  EXPECT_THAT(refusal(folder / "latin1.txt"), HasSubstr("UTF-8"));
}

/// Every task at a length with Qwen's tokenizer; nothing may be left out or stay below 97 %.
void expect_filled(const std::string& tokenizer, const std::string& length, const char* samples) {
  const TemporaryFolder out;
  const auto built = json_of_hylo({"data", "build", "ruler", "--tokenizer", tokenizer, "--lengths",
                                   length, "--samples", samples, "--out", out.path(), "--json"});
  EXPECT_EQ(built["sets"].size(), 13U);
  for (const auto& set : built["sets"]) {
    EXPECT_EQ(set["state"], "built") << set["task"];
    const auto& spec = tasks::ruler::find_ruler_spec(set["task"].get<std::string>());
    const auto tokens = set["length"].get<double>();
    const auto least = set["least_tokens"].get<double>();
    EXPECT_GE(least + static_cast<double>(spec.max_new_tokens), 0.97 * tokens - 1) << set["task"];
  }
}

TEST(DataGoldens, WithQwensTokenizer4KAreFilled) {
  const auto qwen = data("tokenizers/qwen");
  if (!qwen) GTEST_SKIP() << skip_reason("HYLO_DATA", "tokenizers/qwen");
  expect_filled(*qwen, "4K", "10");
}

// Its paragraphs have sentences that are longer than what may be left empty.
TEST(DataGoldens, PublishedParagraphsFillToo) {
  const auto qwen = data("tokenizers/qwen");
  const auto squad = data("squad-xquad-en/xquad.en.json");
  if (!qwen || !squad) GTEST_SKIP() << skip_reason("HYLO_DATA", "tokenizers/qwen, squad-xquad-en");
  const TemporaryFolder out;
  const auto set = json_of_hylo({"data", "build", "ruler", "--tokenizer", *qwen, "--tasks", "qa_1",
                                 "--squad", *squad, "--lengths", "4K", "--samples", "100", "--out",
                                 out.path(), "--json"})["sets"][0];
  EXPECT_GE(set["least_tokens"].get<double>() + 1 + 32, 0.97 * 4096);
}

TEST(DataSlow, WithQwensTokenizer32KAnd128KAreFilled) {
  const auto qwen = data("tokenizers/qwen");
  if (!qwen) GTEST_SKIP() << skip_reason("HYLO_DATA", "tokenizers/qwen");
  expect_filled(*qwen, "32K", "5");
  expect_filled(*qwen, "128K", "3");
}

}  // namespace
}  // namespace hylo::tests
