// hylo eval with worked examples: which pool they come from is stored, and told where it is not the
// task's own.

#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "tests/harness/cli/program.h"

namespace hylo::tests {
namespace {

using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::Not;

class Pools : public testing::Test {
 protected:
  Pools() { add("hellaswag", "validation"); }
  void add(const std::string& suite, const std::string& split) const {
    std::filesystem::create_directories(folder_ / suite);
    std::filesystem::copy_file(fixture("published-forms/" + suite + ".jsonl"),
                               folder_ / suite / (split + ".jsonl"));
  }
  [[nodiscard]] Json report(const std::vector<std::string>& more) const {
    std::vector<std::string> words{"eval",   "--model", "scripted:crc", "--tasks", "hellaswag",
                                   "--data", ".",       "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return json_of_hylo(words, {.folder = folder_.path()});
  }
  [[nodiscard]] static std::vector<std::string> notes(const Json& report) {
    return report["notes"].get<std::vector<std::string>>();
  }
  TemporaryFolder folder_;
};

constexpr auto told =
    "hellaswag: worked examples come from split validation of hellaswag, and not from train";

TEST_F(Pools, OneThatStandsInIsStoredAndToldBelowTheResults) {
  const auto run = report({"--num-fewshot", "1"});
  const Json expected{{"dataset", "hellaswag"}, {"split", "validation"}};
  EXPECT_EQ(run["tasks"][0]["variant"]["fewshot_pool"], expected);
  EXPECT_THAT(notes(run), Contains(HasSubstr(told)));
  const auto drawn = run_hylo({"report", "latest"}, {.folder = folder_.path()});
  EXPECT_THAT(drawn.out, HasSubstr("hellaswag: worked examples come from split validation"));
}

TEST_F(Pools, TheTasksOwnIsStoredWithoutANote) {
  add("hellaswag", "train");
  const auto run = report({"--num-fewshot", "1"});
  EXPECT_EQ(run["tasks"][0]["variant"]["fewshot_pool"]["split"], "train");
  EXPECT_THAT(notes(run), Each(Not(HasSubstr("worked examples"))));
  const auto other = report({"--num-fewshot", "1", "--fewshot-split", "validation"});
  EXPECT_THAT(notes(other), Contains(HasSubstr(told)));
}

TEST_F(Pools, ARunIsScoredAgainWithThePoolThatItHadWhateverHasArrivedSince) {
  (void)report({"--num-fewshot", "1"});
  add("hellaswag", "train");
  const auto again =
      run_hylo({"store", "rescore", "latest", "--data", "."}, {.folder = folder_.path()});
  EXPECT_EQ(again.exit_code, 0) << again.err;
}

TEST_F(Pools, ARunOfTextThatStoodInIsScoredAgainWhenThePublishedFileHasArrived) {
  const auto published = folder_ / "hellaswag/validation.jsonl";
  const auto text = folder_ / "hellaswag/hellaswag_val_full.txt";
  std::filesystem::remove(published);
  write_text_file(text, "Soup: A man\n0\na\nb\nc\nd\nTea: A cat\n1\na\nb\nc\nd\n");
  (void)report({"--num-fewshot", "1", "--fewshot-split", "validation", "--allow-other-data"});
  add("hellaswag", "validation");
  const std::vector<std::string> rescore{"store",  "rescore", "latest",
                                         "--data", ".",       "--allow-other-data"};
  const auto again = run_hylo(rescore, {.folder = folder_.path()});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("2 documents scored again, the scores of 0 changed"));
  write_text_file(text, "Soup: A man\n0\na\nb\nc\nd\nTea: A dog\n1\na\nb\nc\nd\n");
  const auto none = run_hylo(rescore, {.folder = folder_.path()});
  EXPECT_NE(none.exit_code, 0);
  EXPECT_THAT(none.err, testing::AllOf(HasSubstr("hellaswag: the run's data has sha256 "),
                                       HasSubstr(sha256_of_file(published)),
                                       HasSubstr("name the folder with the data of the run")));
}

TEST_F(Pools, WithoutWorkedExamplesThereIsNone) {
  const auto run = report({});
  EXPECT_FALSE(run["tasks"][0]["variant"].contains("fewshot_pool"));
  EXPECT_THAT(notes(run), Each(Not(HasSubstr("worked examples"))));
}

TEST_F(Pools, AFileThatStandsInForThePublishedOneIsTold) {
  std::filesystem::remove(folder_ / "hellaswag/validation.jsonl");
  write_text_file(folder_ / "hellaswag/hellaswag_val_full.txt", "Soup: A man\n0\na\nb\nc\nd\n");
  EXPECT_THAT(notes(report({"--allow-other-data"})),
              Contains(HasSubstr("hellaswag_val_full.txt was read in place of "
                                 "hellaswag/validation.jsonl, which is not there")));
}

}  // namespace
}  // namespace hylo::tests
