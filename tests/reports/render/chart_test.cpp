#include "reports/render/chart.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

namespace hylo::reports {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Chart chart_of(std::vector<std::pair<double, double>> points) {
  return {.title = "Loss", .x_title = "tokens", .series = {{"loss", std::move(points)}}};
}

// x = 1, 10, 100 stand at equal distances; y = 1, 2, 3 too.
TEST(Chart, TheFirstAxisIsLogarithmic) {
  const auto scale = scale_of(chart_of({{1, 3}, {10, 2}, {100, 1}}));
  EXPECT_DOUBLE_EQ(scale.x_of(1), 0);
  EXPECT_DOUBLE_EQ(scale.x_of(10), 0.5);
  EXPECT_DOUBLE_EQ(scale.x_of(100), 1);
  EXPECT_FALSE(scale.y_is_logarithmic);
  EXPECT_DOUBLE_EQ(scale.y_of(2), 0.5);
  EXPECT_DOUBLE_EQ(scale.value_at(0.5), 2);
}

TEST(Chart, TheSecondIsWhereValuesSpanMuchAndArePositive) {
  const auto scale = scale_of(chart_of({{1, 100}, {2, 1}}));
  EXPECT_TRUE(scale.y_is_logarithmic);
  EXPECT_DOUBLE_EQ(scale.y_of(10), 0.5);
  EXPECT_DOUBLE_EQ(scale.value_at(0.5), 10);
  EXPECT_FALSE(scale_of(chart_of({{1, 100}, {2, 0}})).y_is_logarithmic);
}

TEST(Chart, ALineFallsFromTheFirstRowToTheLast) {
  EXPECT_EQ(draw_terminal(chart_of({{1, 3}, {10, 2}, {100, 1}}), {.width = 30}),
            R"(      3 ┤•
        │
        │
        │
        │
        │
      2 ┤          •
        │
        │
        │
        │
        │
      1 ┤                    •
        └─────────────────────
         1     tokens      100
)");
}

TEST(Chart, SeveralSeriesHaveTheirMarks) {
  auto chart = chart_of({{1, 3}, {100, 1}});
  chart.series.push_back({"part", {{1, 2}}});
  EXPECT_THAT(draw_terminal(chart, {}), StartsWith("         \u2022 loss   o part\n"));
}

TEST(Chart, WhatIsNotFiniteIsLeftOut) {
  const auto nan = std::nan("");
  const auto infinity = std::numeric_limits<double>::infinity();
  const auto scale = scale_of(chart_of({{1, nan}, {2, 5}, {3, infinity}, {4, 4}}));
  EXPECT_EQ(scale.y_high, 5);
  EXPECT_EQ(scale.x_low, 2);
  EXPECT_EQ(draw_terminal(chart_of({{1, nan}}), {}), "(no finite values)\n");
}

TEST(Chart, OnePointStandsInTheMiddle) {
  const auto scale = scale_of(chart_of({{7, 2}}));
  EXPECT_EQ(scale.x_of(7), 0.5);
  EXPECT_EQ(scale.y_of(2), 0.5);
  EXPECT_THAT(draw_terminal(chart_of({{7, 2}}), {}), HasSubstr("\u2022"));
}

TEST(Chart, NumbersOfAnAxisAreShort) {
  EXPECT_EQ(axis_number(0.0123), "0.0123");
  EXPECT_EQ(axis_number(4096), "4096");
  EXPECT_EQ(axis_number(34'000), "34k");
  EXPECT_EQ(axis_number(1'638'400), "1.64M");
  EXPECT_EQ(axis_number(2e12), "2e+03G");
}

}  // namespace
}  // namespace hylo::reports
