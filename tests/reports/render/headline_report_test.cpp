// Models at growing lengths beside each other: two arms, two lengths, written by hand.
#include "reports/render/headline_report.h"

#include <gmock/gmock.h>

#include "reports/render/draw.h"

namespace hylo::reports {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

OrderedJson row(const char* arm, int64_t times, double score, const OrderedJson& error) {
  return {{"arm", arm},
          {"times", times},
          {"length", times * 256},
          {"score", score},
          {"standard_error", error},
          {"niah_single_1", score / 2},
          {"cache_bytes", times * 2048},
          {"state_bytes", 1024},
          {"share_of_teachers_cache", 0.095},
          {"seconds_a_prompt", 0.25}};
}

OrderedJson two_arms() {
  return {{"report", "headline"},
          {"title", "Needles found"},
          {"tasks", {"niah_single_1"}},
          {"rows",
           {row("teacher", 1, 1, 0.0), row("teacher", 8, 0.5, 0.012), row("hybrid", 1, 1, nullptr),
            row("hybrid", 8, 0.9, nullptr)}},
          {"notes", {"samples of mode strict"}}};
}

TEST(HeadlineReport, HasALineForEachArmAndAColumnForEachLength) {
  const auto table = headline_table(two_arms());
  ASSERT_EQ(table.columns.size(), 3);
  EXPECT_EQ(table.columns[1].title, "256 (1x)");
  EXPECT_EQ(table.columns[2].title, "2,048 (8x)");
  ASSERT_EQ(table.rows.size(), 2);
  EXPECT_EQ(table.rows[0][0].text, "teacher");
  EXPECT_EQ(table.rows[0][1].text, "100.0") << "an error of 0 says nothing";
  EXPECT_EQ(table.rows[0][2].text, "50.0 \u00b1 1.2");
  EXPECT_EQ(table.rows[1][2].text, "90.0");
}

TEST(HeadlineReport, ShowsTasksMemoryAndTimeBelow) {
  const auto details = headline_details(two_arms());
  ASSERT_EQ(details.size(), 3);
  EXPECT_EQ(details[0].table.rows[1][1].text, "niah_single_1");
  EXPECT_EQ(details[0].table.rows[1][3].text, "45.0");
  EXPECT_EQ(details[1].table.rows[1][2].text, "17.00 KiB (9.5 %)");
  EXPECT_EQ(details[2].table.rows[0][1].text, "0.2500");
}

TEST(HeadlineReport, IsDrawnInEveryMedium) {
  const auto report = two_arms();
  EXPECT_THAT(report_for_terminal(report, {}),
              AllOf(StartsWith("Needles found"), HasSubstr("hybrid"), HasSubstr("mode strict")));
  EXPECT_THAT(report_as_html(report), AllOf(HasSubstr("<svg"), HasSubstr("2,048 (8x)")));
  EXPECT_THAT(report_as_csv(report),
              StartsWith("arm,times,length,score,standard_error,niah_single_1,cache_bytes,"));
}

TEST(HeadlineReport, OfNothingIsEmpty) {
  auto report = two_arms();
  report["rows"] = OrderedJson::array();
  EXPECT_TRUE(headline_table(report).rows.empty());
}

}  // namespace
}  // namespace hylo::reports
