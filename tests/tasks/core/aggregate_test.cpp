#include "tasks/core/aggregate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

namespace hylo::tasks {
namespace {

TaskInfo info_with(MetricInfo metric) {
  TaskInfo info;
  info.metrics = {std::move(metric)};
  return info;
}

Score value(std::optional<double> x, double weight = 1) {
  return {{.metric = "m", .value = x, .weight = weight}};
}

TEST(Aggregate, AMeanHasTheErrorOfTheSampleDeviation) {
  // Mean of 1, 0, 1, 0 is 1/2; s^2 = 4 * (1/4) / 3; error = sqrt(1/3 / 4).
  const std::vector<Score> scores{value(1), value(0), value(1), value(0)};
  const auto a = aggregate(info_with({.name = "m"}), scores).front();
  EXPECT_EQ(a.value, 0.5);
  EXPECT_DOUBLE_EQ(*a.standard_error, std::sqrt(1.0 / 12));
  EXPECT_EQ(a.num_documents, 4);
}

TEST(Aggregate, ADocumentThatFailedIsCountedApartAndNotWrong) {
  const std::vector<Score> scores{value(1), value(std::nullopt), value(1)};
  const auto a = aggregate(info_with({.name = "m"}), scores).front();
  EXPECT_EQ(a.value, 1.0);
  EXPECT_EQ(a.num_documents, 2);
  EXPECT_EQ(a.num_failed, 1);
}

TEST(Aggregate, OneDocumentHasNoErrorAndNoneHasNoValue) {
  const std::vector<Score> one{value(1)};
  EXPECT_EQ(aggregate(info_with({.name = "m"}), one).front().standard_error, std::nullopt);
  const std::vector<Score> none{value(std::nullopt)};
  EXPECT_EQ(aggregate(info_with({.name = "m"}), none).front().value, std::nullopt);
}

TEST(Aggregate, PerplexitiesWeighByWordsOrBytes) {
  // Log-likelihoods -6 and -2 over 3 and 1 words: exp(8 / 4); in bits per byte 8 / 4 / ln 2.
  const std::vector<Score> scores{value(-6, 3), value(-2, 1)};
  const auto perplexity = info_with({.name = "m", .aggregation = Aggregation::WeightedPerplexity});
  EXPECT_DOUBLE_EQ(*aggregate(perplexity, scores).front().value, std::exp(2.0));
  EXPECT_EQ(aggregate(perplexity, scores).front().standard_error, std::nullopt);
  const auto bits = info_with({.name = "m", .aggregation = Aggregation::BitsPerByte});
  EXPECT_DOUBLE_EQ(*aggregate(bits, scores).front().value, 2 / std::log(2.0));
}

TEST(Aggregate, AWeightedMeanHasTheErrorOfARatioOverDocuments) {
  // 6 / 2 and 2 / 2 nats a token: 8 / 4 = 2. Residuals 6 - 2 * 2 = 2 and 2 - 2 * 2 = -2:
  // sqrt(2 / 1 * (4 + 4)) / 4 = 1. The third document has no such tokens.
  const auto loss = info_with({.name = "m", .aggregation = Aggregation::WeightedMean});
  const std::vector<Score> scores{value(6, 2), value(2, 2), value(0, 0)};
  const auto a = aggregate(loss, scores).front();
  EXPECT_DOUBLE_EQ(*a.value, 2);
  EXPECT_DOUBLE_EQ(*a.standard_error, 1);
  EXPECT_EQ(a.num_documents, 2);
  EXPECT_EQ(a.num_failed, 0);
}

TEST(Aggregate, AWeightedMeanOfNothingHasNoValueAndDidNotFail) {
  const auto loss = info_with({.name = "m", .aggregation = Aggregation::WeightedMean});
  const std::vector<Score> scores{value(0, 0)};
  const auto a = aggregate(loss, scores).front();
  EXPECT_EQ(a.value, std::nullopt);
  EXPECT_EQ(a.num_failed, 0);
}

TEST(Aggregate, AScoreOfAnotherTaskIsOurFault) {
  const std::vector<Score> scores{value(1)};
  EXPECT_THROW(aggregate(info_with({.name = "n"}), scores), std::logic_error);
}

}  // namespace
}  // namespace hylo::tasks
