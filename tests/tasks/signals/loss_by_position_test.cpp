#include "tasks/signals/loss_by_position.h"

#include <gmock/gmock.h>

#include <map>

#include "tasks/core/aggregate.h"

namespace hylo::tasks {
namespace {

/// Of so many tokens, each with the same loss.
Response scores_of(int64_t num_tokens, double loss) {
  TokenScores scores;
  scores.num_tokens = num_tokens;
  for (int64_t left = num_tokens; left > 0; left -= 128) {
    scores.span_log_likelihoods.push_back(-loss *
                                          static_cast<double>(std::min<int64_t>(left, 128)));
  }
  return scores;
}

Score scored(const Response& response) { return LossByPosition().score({}, {&response, 1}); }

std::map<std::string, std::pair<double, double>> reached(const Score& score) {
  std::map<std::string, std::pair<double, double>> buckets;
  for (const auto& metric : score) {
    if (metric.weight > 0) buckets[metric.metric] = {metric.value.value(), metric.weight};
  }
  return buckets;
}

TEST(PositionBuckets, DoubleFrom128To2MAndEndWithAllBeyond) {
  const auto buckets = position_buckets();
  ASSERT_EQ(buckets.size(), 16);
  EXPECT_EQ(buckets[0].metric, "loss_0-128");
  EXPECT_EQ(buckets[3].metric, "loss_512-1K");
  EXPECT_EQ(buckets[14].metric, "loss_1M-2M");
  EXPECT_EQ(buckets[15].metric, "loss_2M+");
  for (size_t i = 1; i < buckets.size(); ++i) EXPECT_EQ(buckets[i].begin, buckets[i - 1].end);
  EXPECT_EQ(buckets[15].begin, 2 * 1024 * 1024);
}

TEST(LossByPosition, PutsEverySpanWhereItStands) {
  // Spans at 0, 128, 256, 384 and 44 tokens from 512 on.
  TokenScores scores;
  scores.num_tokens = 556;
  scores.span_log_likelihoods = {-500, -200, -100, -90, -20};
  const std::map<std::string, std::pair<double, double>> expected{{"loss", {910, 556}},
                                                                  {"loss_0-128", {500, 128}},
                                                                  {"loss_128-256", {200, 128}},
                                                                  {"loss_256-512", {190, 256}},
                                                                  {"loss_512-1K", {20, 44}}};
  EXPECT_EQ(reached(scored(scores)), expected);
}

TEST(LossByPosition, ABucketBeginsAtItsFirstToken) {
  EXPECT_EQ(reached(scored(scores_of(1, 2))).size(), 2);  // the whole and the first bucket
  EXPECT_EQ(reached(scored(scores_of(128, 2))).size(), 2);
  EXPECT_EQ(reached(scored(scores_of(129, 2))).at("loss_128-256").second, 1);
}

TEST(LossByPosition, EverythingFrom2MOnIsOneBucket) {
  constexpr int64_t million = int64_t{1} << 20;
  const auto buckets = reached(scored(scores_of(5 * million, 1)));
  EXPECT_EQ(buckets.size(), 17);
  EXPECT_EQ(buckets.at("loss_1M-2M").second, million);
  EXPECT_EQ(buckets.at("loss_2M+").second, 3 * million);
}

TEST(LossByPosition, OfShortAndLongTextsIsTheMeanOverTheTokensOfBoth) {
  // First bucket: (100 * 2 + 128 * 4) / 228; second: the longer text alone, 72 tokens of 4.
  const std::vector<Score> scores{scored(scores_of(100, 2)), scored(scores_of(200, 4))};
  const auto numbers = aggregate(LossByPosition().info(), scores);
  EXPECT_DOUBLE_EQ(*numbers[1].value, 712.0 / 228);
  EXPECT_EQ(numbers[1].num_documents, 2);
  EXPECT_DOUBLE_EQ(*numbers[2].value, 4);
  EXPECT_EQ(numbers[2].num_documents, 1);
  EXPECT_EQ(numbers[2].standard_error, std::nullopt);
  EXPECT_EQ(numbers[3].value, std::nullopt);
  EXPECT_EQ(numbers[3].num_failed, 0);
}

TEST(LossByPosition, AFailedTextHasNoValueInAnyBucket) {
  const std::vector<Score> scores{scored(Failed{"no"})};
  for (const auto& number : aggregate(LossByPosition().info(), scores)) {
    EXPECT_EQ(number.value, std::nullopt);
    EXPECT_EQ(number.num_failed, 1);
  }
}

TEST(LossByPosition, AsksForSumsThatFillTheBuckets) {
  const Document book{0, {{"text", "It was a dark and stormy night."}}};
  const auto request = std::get<ScoreTokens>(LossByPosition().requests(book, {}).front());
  EXPECT_EQ(request.text, "It was a dark and stormy night.");
  EXPECT_EQ(request.max_tokens, 0);
  for (const auto& bucket : position_buckets()) EXPECT_EQ(bucket.begin % request.span_tokens, 0);
}

}  // namespace
}  // namespace hylo::tasks
