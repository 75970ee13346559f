// Groups of tasks and clusters of documents, worked by hand and held against other formulas.
#include "reports/compare/group.h"

#include <gmock/gmock.h>

#include <cmath>
#include <random>
#include <vector>

#include "reports/compare/aggregate.h"

namespace hylo::reports {
namespace {

TEST(ClusteredError, TwoClustersByHand) {
  // Mean 0.5; cluster 0 deviates by +0.5 + 0.5 = 1, cluster 1 by -1: 2/1 * (1 + 1) / 16 = 1/4.
  const std::vector<double> values{1, 1, 0, 0};
  const std::vector<int64_t> clusters{0, 0, 1, 1};
  EXPECT_DOUBLE_EQ(clustered_error(values, clusters, 2).value(), 0.5);
  EXPECT_DOUBLE_EQ(standard_error(values).value(), std::sqrt(1.0 / 3) / 2);
}

TEST(ClusteredError, ClustersOfOneGiveThePlainError) {
  const std::vector<double> values{1, 3, 4, 8};
  const std::vector<int64_t> clusters{0, 1, 2, 3};
  EXPECT_DOUBLE_EQ(clustered_error(values, clusters, 4).value(), standard_error(values).value());
}

TEST(ClusteredError, OneClusterHasNone) {
  EXPECT_FALSE(clustered_error(std::vector<double>{1, 2}, std::vector<int64_t>{0, 0}, 1));
}

// Simulated: clusters of five equal outcomes are draws of one, so the error is that of the
// clusters.
TEST(ClusteredError, OfRepeatedOutcomesIsThatOfTheirDraws) {
  std::mt19937_64 random(3);
  std::bernoulli_distribution right(0.3);
  std::vector<WeightedValue> scores;
  std::vector<double> draws;
  for (int64_t cluster = 0; cluster < 400; ++cluster) {
    draws.push_back(right(random) ? 1 : 0);
    for (int i = 0; i < 5; ++i) scores.push_back({.value = draws.back(), .cluster = cluster});
  }
  const auto found = aggregate(Aggregation::Mean, scores);
  EXPECT_NEAR(found.clustered_error.value(), standard_error(draws).value(), 1e-12);
  EXPECT_EQ(found.best_error(), found.clustered_error);
  EXPECT_EQ(found.n, 2000);
  EXPECT_EQ(found.num_clusters, 400);
  // The interval is that of 400 outcomes, not of 2000.
  const auto wide = wilson_of_share(*found.value, 400);
  EXPECT_NEAR(found.interval->low, wide.low, 1e-12);
  EXPECT_NEAR(found.interval->high, wide.high, 1e-12);
}

TEST(ClusteredError, WhereAllAgreeAClusterCountsAsOneOutcome) {
  const std::vector<WeightedValue> scores{
      {.value = 1, .cluster = 4}, {.value = 1, .cluster = 4}, {.value = 1}};
  const auto found = aggregate(Aggregation::Mean, scores);
  EXPECT_EQ(found.num_clusters, 2);
  EXPECT_DOUBLE_EQ(found.interval->low, wilson(2, 2).low);
}

TEST(ClusteredError, ClustersThatAgreeCountAsOneOutcomeEachHoweverTheirMeansAreRounded) {
  for (const int per_cluster : {2, 3}) {
    std::vector<WeightedValue> scores;
    for (int64_t cluster = 0; cluster < 6; ++cluster) {
      for (int i = 0; i < per_cluster; ++i)
        scores.push_back({.value = i == 0 ? 1.0 : 0.0, .cluster = cluster});
    }
    const auto found = aggregate(Aggregation::Mean, scores);
    EXPECT_DOUBLE_EQ(found.interval->low, wilson_of_share(1.0 / per_cluster, 6).low);
  }
}

TEST(ClusteredError, ScoresOfOneClusterTellNothingOfTheirError) {
  const std::vector<WeightedValue> scores{{.value = 1, .cluster = 3}, {.value = 0, .cluster = 3}};
  const auto found = aggregate(Aggregation::Mean, scores);
  EXPECT_FALSE(found.best_error());
  EXPECT_FALSE(found.interval);
}

TEST(ClusteredError, ScoresThatStandForThemselvesHaveNone) {
  const std::vector<WeightedValue> scores{{.value = 1}, {.value = 0}};
  const auto found = aggregate(Aggregation::Mean, scores);
  EXPECT_FALSE(found.clustered_error);
  EXPECT_EQ(found.num_clusters, 2);
}

MemberValue member(double value, double error, int64_t n) {
  return {.value = value, .standard_error = error, .best_error = error, .n = n};
}

TEST(Group, AMeanOfTasksIsPlainAndItsErrorThatOfASum) {
  const auto found =
      aggregate(GroupMean::OfTasks, std::vector{member(0.2, 0.03, 10), member(0.6, 0.04, 90)});
  EXPECT_DOUBLE_EQ(found.value.value(), 0.4);
  EXPECT_DOUBLE_EQ(found.standard_error.value(), 0.025);  // sqrt(9 + 16) / 2, in hundredths
  EXPECT_FALSE(found.clustered_error);
  EXPECT_EQ(found.n, 100);
  EXPECT_EQ(found.num_members, 2);
}

TEST(Group, AMeanOfTasksQuotesTheClusteredErrorsOfItsMembers) {
  auto clustered = member(0.6, 0.04, 90);
  clustered.best_error = 0.4;
  const auto found = aggregate(GroupMean::OfTasks, std::vector{member(0.2, 0.3, 10), clustered});
  EXPECT_DOUBLE_EQ(found.clustered_error.value(), 0.25);
}

TEST(Group, AMemberWithoutAnErrorToQuoteLeavesTheMeanOfTasksWithoutOne) {
  auto one_cluster = member(0.6, 0.04, 90);
  one_cluster.best_error.reset();
  const auto found = aggregate(GroupMean::OfTasks, std::vector{member(0.2, 0.3, 10), one_cluster});
  EXPECT_DOUBLE_EQ(found.value.value(), 0.4);
  EXPECT_FALSE(found.standard_error);
  EXPECT_FALSE(found.clustered_error);
}

TEST(Group, AMeanOfDocumentsWeighsByThem) {
  // Task 1: 1 0 (s^2 = 1/2), task 2: 1 1 1 0 (s^2 = 1/4).
  const auto found =
      aggregate(GroupMean::OfDocuments, std::vector{member(0.5, 0.5, 2), member(0.75, 0.25, 4)});
  EXPECT_DOUBLE_EQ(found.value.value(), 4.0 / 6);
  // (1 * 1/2 + 3 * 1/4) / (6 - 2) / 6.
  EXPECT_DOUBLE_EQ(found.standard_error.value(), std::sqrt(1.25 / 4 / 6));
  // Deviations of the sums: 2 * (1/2 - 2/3) = -1/3 and 4 * (3/4 - 2/3) = 1/3.
  EXPECT_DOUBLE_EQ(found.clustered_error.value(), std::sqrt(2.0 * (2.0 / 9)) / 6);
}

TEST(Group, TheErrorByMembersIsThatOfTheirDocumentsInClusters) {
  const std::vector<WeightedValue> documents{
      {.value = 1, .cluster = 0}, {.value = 0, .cluster = 0}, {.value = 1, .cluster = 1},
      {.value = 1, .cluster = 1}, {.value = 1, .cluster = 1}, {.value = 0, .cluster = 1}};
  const auto all = aggregate(Aggregation::Mean, documents);
  const auto found =
      aggregate(GroupMean::OfDocuments, std::vector{member(0.5, 0.5, 2), member(0.75, 0.25, 4)});
  EXPECT_NEAR(found.clustered_error.value(), all.clustered_error.value(), 1e-15);
}

TEST(Group, AMemberWithoutAValueLeavesTheGroupWithoutOne) {
  auto empty = member(0, 0, 0);
  empty.value.reset();
  empty.num_failed = 7;
  const auto found = aggregate(GroupMean::OfTasks, std::vector{member(0.2, 0.1, 5), empty});
  EXPECT_FALSE(found.value);
  EXPECT_EQ(found.num_failed, 7);
}

TEST(Group, OnePartialMemberMakesThePartialGroup) {
  auto partial = member(0.1, 0.1, 3);
  partial.partial = true;
  EXPECT_TRUE(aggregate(GroupMean::OfTasks, std::vector{member(0.2, 0.1, 5), partial}).partial);
}

}  // namespace
}  // namespace hylo::reports
