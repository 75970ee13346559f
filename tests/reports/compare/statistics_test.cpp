#include "reports/compare/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "reports/compare/aggregate.h"

namespace hylo::reports {
namespace {

TEST(Statistics, TheStandardErrorOf1And3Is1) {
  // Mean 2, sample variance 2, over n = 2.
  EXPECT_EQ(mean(std::vector{1.0, 3.0}), 2);
  EXPECT_DOUBLE_EQ(*standard_error(std::vector{1.0, 3.0}), 1);
}

TEST(Statistics, TheStandardErrorOfAShareIsItsClosedForm) {
  // s / sqrt(n) of k ones among n is sqrt(p (1 - p) / (n - 1)): here 45 of 200.
  std::vector<double> values(200, 0.0);
  std::fill_n(values.begin(), 45, 1.0);
  EXPECT_NEAR(*standard_error(values), std::sqrt(0.225 * 0.775 / 199), 1e-15);
}

TEST(Statistics, OneValueHasNoStandardError) {
  EXPECT_FALSE(standard_error(std::vector{1.0}).has_value());
}

TEST(Statistics, WilsonOf5In10IsSymmetricAndAsByHand) {
  // z = 2: (0.5 + 0.2 +- 2 sqrt(0.025 + 0.01)) / 1.4.
  const auto interval = wilson(5, 10, 2);
  EXPECT_NEAR(interval.low, (0.7 - 2 * std::sqrt(0.035)) / 1.4, 1e-15);
  EXPECT_NEAR(interval.low + interval.high, 1, 1e-15);
}

TEST(Statistics, WilsonBoundsAreTheRootsOfTheScoreTest) {
  for (const auto& [successes, n] : {std::pair{1, 7}, {45, 200}, {199, 200}}) {
    const double share = static_cast<double>(successes) / n;
    const auto interval = wilson(successes, n);
    for (const double bound : {interval.low, interval.high}) {
      EXPECT_NEAR(std::abs(share - bound) / std::sqrt(bound * (1 - bound) / n), normal_95, 1e-9);
    }
  }
}

TEST(Statistics, WilsonBoundsOfNoneAndOfAllAreExact) {
  for (int64_t n = 1; n < 3000; ++n) {
    EXPECT_EQ(wilson(0, n).low, 0.0) << n;
    EXPECT_EQ(wilson(n, n).high, 1.0) << n;
    EXPECT_GT(wilson(0, n).high, 0.0);
    EXPECT_LT(wilson(n, n).low, 1.0);
  }
}

TEST(Statistics, WilsonOfNothingRightBeginsAt0AndHasAWidth) {
  const auto interval = wilson(0, 4);
  EXPECT_EQ(interval.low, 0);
  EXPECT_NEAR(interval.high, normal_95 * normal_95 / (4 + normal_95 * normal_95), 1e-15);
  EXPECT_EQ(wilson(4, 4).high, 1);
}

TEST(Aggregates, AMeanOfZerosAndOnesHasAnInterval) {
  const auto result = aggregate(Aggregation::Mean, std::vector<WeightedValue>{{1}, {0}, {1}, {1}});
  EXPECT_EQ(result.value, 0.75);
  EXPECT_DOUBLE_EQ(*result.standard_error, 0.25);
  EXPECT_DOUBLE_EQ(result.interval->low, wilson(3, 4).low);
  EXPECT_EQ(result.n, 4);
}

TEST(Aggregates, AMeanOfSharesHasNoInterval) {
  EXPECT_FALSE(aggregate(Aggregation::Mean, std::vector<WeightedValue>{{0.5}, {1}}).interval);
}

TEST(Aggregates, WeightedPerplexityDividesSums) {
  // exp((2 + 4) / (1 + 2)).
  const std::vector<WeightedValue> scores{{-2, 1}, {-4, 2}};
  const auto result = aggregate(Aggregation::WeightedPerplexity, scores);
  EXPECT_DOUBLE_EQ(*result.value, std::exp(2.0));
  EXPECT_FALSE(result.standard_error.has_value());
}

TEST(Aggregates, HalfAChanceForEveryByteIsOneBitPerByte) {
  const std::vector<WeightedValue> scores{{-3 * std::numbers::ln2, 3}, {-std::numbers::ln2, 1}};
  EXPECT_DOUBLE_EQ(*aggregate(Aggregation::BitsPerUnit, scores).value, 1);
}

TEST(Aggregates, MeanPerplexityIgnoresWeights) {
  const std::vector<WeightedValue> scores{{-1, 100}, {-3, 1}};
  EXPECT_DOUBLE_EQ(*aggregate(Aggregation::MeanPerplexity, scores).value, std::exp(2.0));
}

TEST(Aggregates, AWeightedMeanHasTheErrorOfARatio) {
  // (6 + 2) / (2 + 2) = 2; residuals 2 and -2: sqrt(2 / 1 * (4 + 4)) / 4 = 1.
  const std::vector<WeightedValue> scores{{6, 2}, {0, 0}, {2, 2}};
  const auto result = aggregate(Aggregation::WeightedMean, scores);
  EXPECT_DOUBLE_EQ(*result.value, 2);
  EXPECT_DOUBLE_EQ(*result.standard_error, 1);
  EXPECT_EQ(result.n, 2);
}

TEST(Aggregates, WithEqualWeightsTheErrorOfARatioIsThatOfTheMean) {
  const std::vector<double> values{1, 4, 2, 8};
  std::vector<WeightedValue> items;
  for (const double value : values) items.push_back({value * 5, 5});
  EXPECT_DOUBLE_EQ(*aggregate(Aggregation::WeightedMean, items).standard_error,
                   *standard_error(values));
  items.resize(1);
  EXPECT_FALSE(aggregate(Aggregation::WeightedMean, items).standard_error.has_value());
}

TEST(Aggregates, AWeightedMeanTakesAClusterAsOne) {
  // Two clusters of 6 and 2 nats, each over 3 tokens: 8 / 6. Their residuals 6 - 3 * 8 / 6 = 2 and
  // 2 - 3 * 8 / 6 = -2: sqrt(2 / 1 * (4 + 4)) / 6 = 2 / 3.
  const std::vector<WeightedValue> scores{{4, 2, 0}, {1, 1, 1}, {2, 1, 0}, {1, 2, 1}};
  const auto result = aggregate(Aggregation::WeightedMean, scores);
  EXPECT_DOUBLE_EQ(*result.value, 8.0 / 6);
  EXPECT_DOUBLE_EQ(*result.clustered_error, 2.0 / 3);
  EXPECT_EQ(result.num_clusters, 2);
}

TEST(Aggregates, AWeightedMeanWithoutWeightsHasNoValue) {
  const auto result = aggregate(Aggregation::WeightedMean, std::vector<WeightedValue>{{0, 0}});
  EXPECT_FALSE(result.value.has_value());
  EXPECT_EQ(result.n, 0);
}

TEST(Aggregates, NoScoresGiveNoValue) {
  const auto result = aggregate(Aggregation::Mean, {});
  EXPECT_FALSE(result.value.has_value());
  EXPECT_EQ(result.n, 0);
}

TEST(Aggregates, OneUndefinedScoreMakesTheMeanUndefined) {
  const double undefined = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(
      *aggregate(Aggregation::Mean, std::vector<WeightedValue>{{1}, {undefined}}).value));
}

}  // namespace
}  // namespace hylo::reports
