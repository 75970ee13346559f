// hylo eval as it is typed: what the store keeps of the command.
#include <gmock/gmock.h>

#include "harness/base/json.h"
#include "tests/harness/cli/program.h"
#include "tests/support/test_data.h"

namespace hylo::tests {
namespace {

TEST(Eval, TheCommandLineIsStoredAsItWasTyped) {
  const TemporaryFolder folder;
  const std::vector<std::string> words{
      "eval",    "--model",        "scripted:crc",
      "--tasks", "story_openings", "--limit",
      "2",       "--store",        (folder / "a store.db").string(),
      "--json"};
  const auto result = run_hylo(words);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto report = parse_json(result.out, "the report");
  auto argv = report["run"]["argv"].get<std::vector<std::string>>();
  argv.erase(argv.begin());  // the program
  EXPECT_EQ(argv, words);
}

/// Sample sets of two tasks for the shipped model's tokenizer.
void build_sets(const std::filesystem::path& folder) {
  const auto result = run_hylo({"data", "build", "ruler", "--tasks", "niah_single_1,fwe",
                                "--tokenizer", fixture("stories260k").string(), "--lengths", "512",
                                "--samples", "4", "--out", folder.string()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
}

TEST(Eval, RulerIsScoredAgainFromItsSetsAndTakesNoChat) {
  const TemporaryFolder folder;
  const auto sets = (folder / "sets").string();
  const auto store = (folder / "s.db").string();
  build_sets(sets);
  const std::vector<std::string> eval{"eval",   "--model", "scripted:crc", "--tasks", "ruler",
                                      "--sets", sets,      "--store",      store};
  ASSERT_EQ(run_hylo(eval).exit_code, 0);
  const auto rescored =
      json_of_hylo({"store", "rescore", "latest", "--store", store, "--sets", sets, "--json"});
  EXPECT_EQ(rescored["documents"], 8);
  EXPECT_EQ(rescored["changed_documents"], 0);
  auto chat = eval;
  chat.insert(chat.end(), {"--chat-template", "llama3"});
  EXPECT_THAT(error_of_hylo(chat), testing::HasSubstr("leave --chat-template"));
}

TEST(Eval, ShardsOfTwoStoresAreOneRun) {
  const TemporaryFolder folder;
  const auto store = [&](const std::string& name) { return (folder / name).string(); };
  const auto eval = [&](const std::string& file, const std::vector<std::string>& more) {
    std::vector<std::string> words{
        "eval", "--model", "scripted:crc", "--tasks", "story_openings", "--store", file};
    words.insert(words.end(), more.begin(), more.end());
    ASSERT_EQ(run_hylo(words).exit_code, 0);
  };
  eval(store("whole.db"), {});
  eval(store("1.db"), {"--shard", "1/2"});
  EXPECT_THAT(error_of_hylo({"store", "merge", store("1.db"), "--into", store("merged.db")}),
              testing::HasSubstr("shard 2 is missing"));
  eval(store("2.db"), {"--shard", "2/2"});
  const auto merged = json_of_hylo(
      {"store", "merge", store("1.db"), store("2.db"), "--into", store("merged.db"), "--json"});
  EXPECT_EQ(merged["runs"][0]["documents"], 280);
  const auto samples = [&](const std::string& file) {
    return run_hylo({"store", "export", "latest", "--store", file, "--samples", "--text"}).out;
  };
  EXPECT_EQ(samples(store("merged.db")), samples(store("whole.db")));
  EXPECT_THAT(error_of_hylo({"eval", "--model", "scripted:crc", "--tasks", "story_openings",
                             "--shard", "3/2", "--store", store("x.db")}),
              testing::HasSubstr("1 <= NUMBER <= COUNT"));
}

}  // namespace
}  // namespace hylo::tests
