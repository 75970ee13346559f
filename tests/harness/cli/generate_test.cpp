// hylo generate and the refusals of hylo eval, with the story model.
#include <gtest/gtest.h>

#include "tests/harness/cli/program.h"
#include "tests/support/story_copy.h"

namespace hylo {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using tests::error_of_hylo;
using tests::fixture;
using tests::json_of_hylo;

const std::string model = fixture("stories260k").string();

TEST(Generate, TheTextGoesOnFromThePromptWithItsFirstBlank) {
  const auto json = json_of_hylo(
      {"generate", "--model", model, "--prompt", "Once upon a", "--max-new-tokens", "4", "--json"});
  EXPECT_THAT(json.at("text").get<std::string>(), StartsWith(" "));
}

TEST(Generate, TheSameSeedWritesTheSameText) {
  const std::vector<std::string> call{"generate", "--model",          model, "--prompt",
                                      "Tom",      "--temperature",    "1",   "--seed",
                                      "5",        "--max-new-tokens", "12",  "--json"};
  EXPECT_EQ(json_of_hylo(call).at("token_ids"), json_of_hylo(call).at("token_ids"));
}

TEST(Eval, SettingsThatWouldHaveNoEffectAreRefused) {
  EXPECT_THAT(error_of_hylo({"eval", "--model", model, "--tasks", "story_openings", "--gen-kwargs",
                             "until=x", "--dry-run"}),
              HasSubstr("--gen-kwargs: none of the tasks generates text"));
}

TEST(Eval, KeysOfConfigJsonThatAreNotUnderstoodAreWarnedOf) {
  const tests::StoryCopy copy;
  auto config = read_json_file(copy.path() / "config.json");
  config["logit_softcap"] = 30;
  write_json_file(copy.path() / "config.json", OrderedJson::parse(config.dump()));
  const auto result = tests::run_hylo({"eval", "--model", copy.path().string(), "--tasks",
                                       "story_openings", "--limit", "1", "--dry-run"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("the key 'logit_softcap' is not understood"));
  config["partial_rotary_factor"] = 0.5;
  write_json_file(copy.path() / "config.json", OrderedJson::parse(config.dump()));
  EXPECT_THAT(error_of_hylo({"eval", "--model", copy.path().string(), "--tasks", "story_openings",
                             "--dry-run"}),
              HasSubstr("partial rotation (0.5) is not known"));
}

}  // namespace
}  // namespace hylo
