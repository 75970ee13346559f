// hylo inspect, on the story checkpoint, on broken copies of it, and on known geometries.

#include <cstring>
#include <filesystem>
#include <limits>

#include "harness/base/files.h"
#include "tests/harness/cli/program.h"
#include "tests/support/story_copy.h"

namespace hylo::tests {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Inspect, TheStoryCheckpointIsCountedExactly) {
  const auto found = json_of_hylo({"inspect", fixture("stories260k"), "--json"});
  EXPECT_EQ(found["network"]["family"], "llama");
  EXPECT_EQ(found["network"]["parameters"], 260032);
  EXPECT_EQ(found["network"]["num_layers"], 5);
  EXPECT_EQ(found["network"]["context_length"], 512);
  EXPECT_EQ(found["network"]["tied_head"], true);
  EXPECT_EQ(found["network"]["end_tokens"], Json::array({2}));
  EXPECT_EQ(found["weights"]["stored_bytes"], 4 * 260032);
  EXPECT_EQ(found["weights"]["types"], Json::array({"float32"}));
  EXPECT_EQ(found["weights"]["non_finite"], Json::array());
  EXPECT_EQ(found["problems"], Json::array());
}

// 5 layers x (keys + values) x 4 heads x 8 numbers x 4 bytes.
TEST(Inspect, TheCacheOfATokenIsWhatItsKeysAndValuesWeigh) {
  const auto cache =
      json_of_hylo({"inspect", fixture("stories260k"), "--json"})["cache_of_a_sequence"];
  EXPECT_EQ(cache["float32"]["bytes_per_token"], 5 * 2 * 4 * 8 * 4);
  EXPECT_EQ(cache["bfloat16"]["bytes_per_token"], 5 * 2 * 4 * 8 * 2);
  EXPECT_EQ(cache["float32"]["bytes_at"]["512"], 512 * 1280);
  EXPECT_FALSE(cache["float32"]["bytes_at"].contains("4096"));  // beyond its context
}

// 4 of 16 layers keep 128 + 32 numbers a token; the teacher keeps 16 x 2 x 8 x 64.
TEST(Inspect, TheCacheTableHoldsAHybridAgainstItsTeacher) {
  const auto table =
      json_of_hylo({"inspect", "--cache-table", "synthetic:hylo-llama-4mla12gdn", "--json"});
  EXPECT_EQ(table["teacher"], "llama-3.2-1b");
  EXPECT_EQ(table["bytes_per_token"], 1280);
  EXPECT_EQ(table["teacher_bytes_per_token"], 32768);
  const int64_t state = 12 * (6 * 256 * 512 * 4 + 3 * 6144 * 2);
  EXPECT_EQ(table["state_bytes"], state);
  EXPECT_EQ(table["state_fades_at_tokens"], 10 * state / 1280 + 1);
  ASSERT_EQ(table["lengths"].size(), 10U);
  EXPECT_EQ(table["lengths"][0]["tokens"], 4096);
  EXPECT_EQ(table["lengths"][9]["tokens"], 2097152);
  EXPECT_EQ(table["lengths"][9]["page_bytes"], 1280LL * 2097152);
  EXPECT_EQ(table["lengths"][9]["total_bytes"], 1280LL * 2097152 + state);
  EXPECT_EQ(table["lengths"][4]["page_share"], 1280.0 / 32768);
  const auto text = run_hylo({"inspect", "--cache-table", "synthetic:hylo-llama-4mla12gdn"}).out;
  EXPECT_THAT(text, AllOf(HasSubstr("3.906 %"), HasSubstr("64.00 GiB"), HasSubstr("2M"),
                          HasSubstr("from 298,"), HasSubstr("1,280 bytes, of the teacher's")));
}

TEST(Inspect, TheCacheTableOfAModelWithoutATeacherHasNoShares) {
  const auto table = json_of_hylo({"inspect", "--cache-table", fixture("stories260k"), "--json"});
  EXPECT_TRUE(table["teacher"].is_null());
  EXPECT_FALSE(table["lengths"][0].contains("page_share"));
  EXPECT_EQ(table["state_bytes"], 0);
  EXPECT_EQ(table["state_fades_at_tokens"], 0);
  const auto beside = json_of_hylo({"inspect", "--cache-table", "synthetic:llamba-1b", "--teacher",
                                    "synthetic:llama-3.2-3b", "--json"});
  EXPECT_EQ(beside["teacher_bytes_per_token"], 114688);
  EXPECT_EQ(beside["bytes_per_token"], 0);
  EXPECT_TRUE(beside["state_fades_at_tokens"].is_null());
}

TEST(Inspect, TheTokenizerIsNamedAndFits) {
  const auto tokenizer = json_of_hylo({"inspect", fixture("stories260k"), "--json"})["tokenizer"];
  EXPECT_EQ(tokenizer["kind"], "BPE with byte fallback");
  EXPECT_EQ(tokenizer["vocabulary_size"], 512);
  EXPECT_EQ(tokenizer["begin_token"], 1);
  EXPECT_EQ(tokenizer["end_token"], 2);
  EXPECT_EQ(tokenizer["fits_the_model"], true);
  EXPECT_EQ(tokenizer["sha256"].get<std::string>().size(), 64);
}

TEST(Inspect, PeopleReadTheSameAsText) {
  const auto result = run_hylo({"inspect", fixture("stories260k")});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("260,032"), HasSubstr("0-4: attention 8/4 heads x 8"),
                    HasSubstr("1,280 bytes a token"), HasSubstr("BPE with byte fallback")));
  EXPECT_THAT(result.out, testing::Not(HasSubstr("\x1b")));
}

TEST(Inspect, AMissingFolderIsTold) {
  EXPECT_THAT(error_of_hylo({"inspect", "/nowhere/at-all"}), HasSubstr("/nowhere/at-all"));
}

TEST(Inspect, ANameWithoutFolderPointsToTheGeometryOfThatName) {
  EXPECT_THAT(error_of_hylo({"inspect", "llama-3.2-1b"}), HasSubstr("synthetic:llama-3.2-1b"));
}

TEST(Inspect, ACutOffFileIsTold) {
  const StoryCopy copy;
  fs::resize_file(copy / "model.safetensors", 500'000);
  EXPECT_THAT(error_of_hylo({"inspect", copy.path(), "--json"}), HasSubstr("model.safetensors"));
}

TEST(Inspect, AnUnknownArchitectureIsTold) {
  const StoryCopy copy;
  copy.change("config.json", "LlamaForCausalLM", "LamaForCausalLM");
  EXPECT_THAT(error_of_hylo({"inspect", copy.path()}), HasSubstr("LamaForCausalLM"));
}

TEST(Inspect, WeightsThatAreNotNumbersAreAProblemAndNoError) {
  const StoryCopy copy;
  auto bytes = read_text_file(copy / "model.safetensors");
  const float not_a_number = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(bytes.data() + bytes.size() - sizeof(float), &not_a_number, sizeof(float));
  write_text_file(copy / "model.safetensors", bytes);
  const auto found = json_of_hylo({"inspect", copy.path(), "--json"});
  EXPECT_EQ(found["weights"]["non_finite"].size(), 1);
  EXPECT_EQ(found["problems"].size(), 1);
  EXPECT_THAT(run_hylo({"inspect", copy.path()}).out,
              HasSubstr("PROBLEM: NaN or infinite weights"));
}

TEST(Inspect, ATokenizerOfAnotherModelIsShownAndAnError) {
  const StoryCopy copy;
  fs::copy_file(fixture("stories260k") / "tokenizer.model", copy / "other.model");
  auto json = read_json_file(copy / "tokenizer.json");
  json["added_tokens"].push_back({{"id", 512},
                                  {"content", "<|one too many|>"},
                                  {"special", true},
                                  {"single_word", false},
                                  {"lstrip", false},
                                  {"rstrip", false},
                                  {"normalized", false}});
  write_text_file(copy / "tokenizer.json", json.dump());
  const auto result = run_hylo({"inspect", copy.path()});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.out, HasSubstr("PROBLEM: the tokenizer has ids up to 512"));
  EXPECT_THAT(result.err, HasSubstr("it is not this model's tokenizer"));
}

TEST(Inspect, AFolderWithoutTokenizerSaysWhatThatMeans) {
  const StoryCopy copy;
  fs::remove(copy / "tokenizer.json");
  fs::remove(copy / "tokenizer.model");
  const auto result = run_hylo({"inspect", copy.path()});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("none found: texts can neither be scored nor generated"));
  EXPECT_TRUE(json_of_hylo({"inspect", copy.path(), "--json"})["tokenizer"]["kind"].is_null());
}

TEST(Inspect, KeysThatNobodyLooksAtAreUnknown) {
  const StoryCopy copy;
  copy.change("config.json", "\"hidden_act\"", "\"logit_twist\": 3, \"hidden_act\"");
  const auto unknown = json_of_hylo({"inspect", copy.path(), "--json"})["remarks"]["unknown"];
  EXPECT_THAT(unknown.get<std::vector<std::string>>(), ElementsAre(HasSubstr("'logit_twist'")));
  const auto nothing =
      json_of_hylo({"inspect", fixture("stories260k"), "--json"})["remarks"]["unknown"];
  EXPECT_THAT(nothing.get<std::vector<std::string>>(), IsEmpty());
}

struct Published {
  const char* name;
  int64_t parameters;
};
// As published, counted from config.json; a tied head counts once.
constexpr std::array published{
    Published{"llama-3.2-1b", 1'235'814'400}, Published{"llama-3.2-3b", 3'212'749'824},
    Published{"llama-3.1-8b", 8'030'261'248}, Published{"qwen2.5-1.5b", 1'543'714'304},
    Published{"qwen3-1.7b", 1'720'574'976},   Published{"qwen3-4b", 4'022'468'096},
    Published{"qwen3-8b", 8'190'735'360}};

TEST(Inspect, KnownGeometriesAreCountedAsPublished) {
  for (const auto& model : published) {
    const auto found = json_of_hylo({"inspect", "synthetic:" + std::string(model.name), "--json"});
    EXPECT_EQ(found["network"]["parameters"], model.parameters) << model.name;
  }
}

// 16 layers x (keys + values) x 8 heads x 64 numbers x 2 bytes.
TEST(Inspect, AGeometryHasACacheAndNoWeights) {
  const auto result = run_hylo({"inspect", "synthetic:llama-3.2-1b"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, AllOf(HasSubstr("1,235,814,400"), HasSubstr("32,768 bytes a token"),
                                HasSubstr("1.00 GiB at 32,768 tokens"),
                                HasSubstr("4.00 GiB at 131,072 tokens")));
}

TEST(Inspect, AMisspeltGeometrySuggestsTheNearOne) {
  EXPECT_THAT(error_of_hylo({"inspect", "synthetic:lama-3.2-1b"}), HasSubstr("llama-3.2-1b"));
}

TEST(InspectGoldens, TheStoryCheckpointOfTheDataFolderIsTheOneThatShips) {
  const auto folder = data("llama-stories260k/hf");
  if (!folder) GTEST_SKIP() << skip_reason("HYLO_DATA", "llama-stories260k");
  auto outside = json_of_hylo({"inspect", *folder, "--json"});
  auto shipped = json_of_hylo({"inspect", fixture("stories260k"), "--json"});
  EXPECT_EQ(outside["checkpoint"]["folder"], folder->string());
  outside.erase("checkpoint");
  shipped.erase("checkpoint");
  EXPECT_EQ(outside, shipped);
}

}  // namespace
}  // namespace hylo::tests
