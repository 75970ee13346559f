// Placement searches in the store and as reports.
#include "reports/store/placement_log.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reports/render/draw.h"
#include "reports/render/placement_report.h"
#include "tests/support/test_data.h"

namespace hylo::reports {
namespace {

using hylo::tests::error_of;
using hylo::tests::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

PlacementRecord sample() {
  return {.description = {{"method", "smart"},
                          {"base", {{"name", "llama"}, {"sha256", "ab"}}},
                          {"documents", {{"num_documents", 12}, {"num_tokens", 3400}}},
                          {"chosen", {1}}},
          .argv = {"hylo", "upcycle"},
          .scores = {{.layer = 0, .score = -0.25, .standard_error = 0.5, .divergence = 1.25},
                     {.layer = 1, .score = 0.75, .standard_error = 0.125, .divergence = 0.25}}};
}

class PlacementLog : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  Store store_ = Store::open(folder_ / "s.db");
};

TEST_F(PlacementLog, GivesBackWhatWasAdded) {
  EXPECT_EQ(add_placement(store_, sample()), 1);
  const auto found = find_placement(store_, "latest");
  EXPECT_EQ(found.description, sample().description);
  EXPECT_EQ(found.argv, sample().argv);
  ASSERT_EQ(found.scores.size(), 2U);
  EXPECT_EQ(found.scores[1].score, 0.75);
  EXPECT_EQ(found.scores[1].standard_error, 0.125);
  EXPECT_EQ(find_placement(store_, "1").id, 1);
}

TEST_F(PlacementLog, SaysWhatThereIsNot) {
  EXPECT_THAT(error_of([&] { (void)find_placement(store_, "latest"); }),
              HasSubstr("holds no placement search"));
  add_placement(store_, sample());
  EXPECT_THAT(error_of([&] { (void)find_placement(store_, "7"); }),
              HasSubstr("no placement search 7"));
}

TEST_F(PlacementLog, AViewTellsWhichLayersWereChosen) {
  add_placement(store_, sample());
  SQLite::Statement query(store_.database(),
                          "SELECT layer, method, base FROM placement_scores WHERE is_chosen");
  ASSERT_TRUE(query.executeStep());
  EXPECT_EQ(query.getColumn(0).getInt(), 1);
  EXPECT_EQ(query.getColumn(1).getString(), "smart");
  EXPECT_EQ(query.getColumn(2).getString(), "llama");
  EXPECT_FALSE(query.executeStep());
}

TEST_F(PlacementLog, AReportDrawsScoresAsBars) {
  add_placement(store_, sample());
  const auto text =
      report_for_terminal(placement_report(find_placement(store_, "latest")), {.width = 120});
  EXPECT_THAT(text, AllOf(HasSubstr("smart of llama, layers 1"), HasSubstr("-0.25000"),
                          HasSubstr("chosen  \u2588\u2588\u2588"), Not(HasSubstr("Round"))));
  EXPECT_THAT(report_for_terminal(placement_list_report(store_), {.width = 120}),
              AllOf(HasSubstr("smart"), HasSubstr("llama")));
}

}  // namespace
}  // namespace hylo::reports
