// hylo upcycle --placement smart and its like, on the story model: from documents to a student,
// scores in a file and in the store, and their report.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "harness/base/files.h"
#include "tests/harness/cli/program.h"

namespace hylo {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using tests::error_of_hylo;
using tests::fixture;
using tests::json_of_hylo;
using tests::run_hylo;
using tests::TemporaryFolder;

const std::string model = fixture("stories260k").string();
constexpr const char* mla = R"({"kind": "mla", "latent_rank": 16})";
constexpr const char* gated_delta =
    R"({"kind": "gated_delta", "num_key_heads": 2, "num_heads": 2, "key_width": 8, "value_width": 8})";

class PlacementSearchVerb : public testing::Test {
 protected:
  PlacementSearchVerb() {
    write_text_file(folder_ / "held-out.jsonl",
                    "{\"text\": \"Once upon a time there was a little cat who liked milk.\"}\n"
                    "{\"text\": \"Tom had a red ball. He played with it in the park.\"}\n"
                    "{\"text\": \"Lily was sad. Her mom gave her a big hug.\"}\n"
                    "{\"text\": \"The dog ran and ran until it was tired.\"}\n");
  }
  std::vector<std::string> search(const std::string& method, const std::string& count,
                                  const std::vector<std::string>& more) const {
    std::vector<std::string> words{"upcycle",     model,
                                   "--placement", method,
                                   "--select",    count,
                                   "--documents", folder_ / "held-out.jsonl",
                                   "--store",     folder_ / "hylo.db"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  TemporaryFolder folder_;
};

TEST_F(PlacementSearchVerb, SmartMeasuresChoosesWritesAndIsTakenUpAgain) {
  const auto scores = (folder_ / "scores.json").string(), out = (folder_ / "student").string();
  const auto found = run_hylo(
      search("smart", "2",
             {"--weaker", gated_delta, "--stronger", mla, "--scores", scores, "--out", out}));
  ASSERT_EQ(found.exit_code, 0) << found.err;
  EXPECT_THAT(found.err, AllOf(HasSubstr("nobody trained"), HasSubstr("layer   4:")));
  const auto document = read_json_file(scores);
  EXPECT_EQ(document.at("scores").size(), 5U);
  EXPECT_EQ(document.at("documents").at("num_documents"), 4);
  const auto chosen = document.at("chosen").get<std::vector<int64_t>>();
  ASSERT_EQ(chosen.size(), 2U);
  EXPECT_LE(chosen[0], 1);  // the rule of gaps: one of the first two, one of the last two
  EXPECT_GE(chosen[1], 3);
  const auto layers = json_of_hylo({"inspect", out, "--json"}).at("network").at("layers");
  const auto again = json_of_hylo({"upcycle", model, "--placement", scores, "--dry-run", "--json"});
  EXPECT_EQ(again.at("student").at("layers"), layers);
  const auto report = run_hylo({"report", "placement", "latest", "--store", folder_ / "hylo.db"});
  EXPECT_EQ(report.exit_code, 0) << report.err;
  EXPECT_THAT(report.out, AllOf(HasSubstr("smart of stories260k"), HasSubstr("chosen")));
}

TEST_F(PlacementSearchVerb, CandidatesMayBeStudentsThatWereTrained) {
  const auto weaker = (folder_ / "weaker").string(), stronger = (folder_ / "stronger").string();
  for (const auto& [folder, mixer] : {std::pair{weaker, gated_delta}, {stronger, mla}}) {
    const auto placement = std::string(R"([{"layers": "rest", "mixer": )") + mixer + "}]";
    const auto made = run_hylo({"upcycle", model, "--placement", placement, "--out", folder});
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }
  const auto of_folders = json_of_hylo(
      search("kl-greedy", "1",
             {"--weaker-student", weaker, "--stronger-student", stronger, "--dry-run", "--json"}));
  const auto of_conversions = json_of_hylo(search(
      "kl-greedy", "1", {"--weaker", gated_delta, "--stronger", mla, "--dry-run", "--json"}));
  EXPECT_EQ(of_folders.at("placement").at("scores"), of_conversions.at("placement").at("scores"));
  EXPECT_EQ(of_folders.at("placement").at("weaker"), weaker);
}

TEST_F(PlacementSearchVerb, LeaveOneOutKeepsAttentionInTheLayersThatAreMissed) {
  const auto found =
      json_of_hylo(search("leave-one-out", "2", {"--weaker", gated_delta, "--dry-run", "--json"}));
  const auto& scores = found.at("placement").at("scores");
  ASSERT_EQ(scores.size(), 5U);
  for (const auto& row : scores) EXPECT_GT(row.at("score"), 0);
  EXPECT_FALSE(fs::exists(folder_ / "student"));
}

// The name of the file that is written first and renamed is longer by its ending.
TEST_F(PlacementSearchVerb, ScoresWhoseFileCannotBeWrittenAreInTheStore) {
  const auto file = (folder_ / std::string(250, 's')).string();
  EXPECT_THAT(error_of_hylo(search("leave-one-out", "2",
                                   {"--weaker", gated_delta, "--scores", file, "--dry-run"})),
              AllOf(HasSubstr("File name too long"), HasSubstr("hylo report placement latest")));
  const auto report = run_hylo({"report", "placement", "latest", "--store", folder_ / "hylo.db"});
  EXPECT_EQ(report.exit_code, 0) << report.err;
  EXPECT_THAT(report.out, HasSubstr("leave-one-out of stories260k"));
}

TEST_F(PlacementSearchVerb, ScoresThatNameAFolderAreRefusedBeforeAnythingIsMeasured) {
  const auto refused =
      run_hylo(search("leave-one-out", "2",
                      {"--weaker", gated_delta, "--scores", folder_.path().string(), "--dry-run"}));
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err,
              AllOf(HasSubstr("is a folder, expected a file"), testing::Not(HasSubstr("layer "))));
}

TEST_F(PlacementSearchVerb, SaysWhatIsMissing) {
  EXPECT_THAT(error_of_hylo({"upcycle", model, "--placement", "smart", "--dry-run"}),
              HasSubstr("--select"));
  EXPECT_THAT(error_of_hylo(search("smart", "2", {"--dry-run"})), HasSubstr("--weaker"));
  EXPECT_THAT(error_of_hylo(search("smart", "2", {"--weaker", gated_delta, "--dry-run"})),
              HasSubstr("stronger kind"));
  EXPECT_THAT(error_of_hylo({"upcycle", model, "--placement", "clever", "--dry-run"}),
              HasSubstr("kl-greedy"));
}

}  // namespace
}  // namespace hylo
