#include "reports/compare/aggregate.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <numbers>
#include <vector>

#include "harness/base/error.h"

namespace hylo::reports {

std::vector<double> values_of(std::span<const WeightedValue> scores) {
  std::vector<double> values;
  values.reserve(scores.size());
  for (const auto& score : scores) values.push_back(score.value);
  return values;
}

namespace {

double weighted_mean(std::span<const WeightedValue> scores) {
  double values = 0;
  double weights = 0;
  for (const auto& score : scores) {
    values += score.value;
    weights += score.weight;
  }
  return values / weights;
}

/// Scores that stand for themselves are clusters of one.
struct Clusters {
  std::vector<int64_t> of_score;
  int64_t number = 0;
};

Clusters clusters_of(std::span<const WeightedValue> scores) {
  Clusters clusters;
  std::map<int64_t, int64_t> numbers;
  for (const auto& score : scores) {
    if (!score.cluster) {
      clusters.of_score.push_back(clusters.number++);
      continue;
    }
    const auto [at, is_new] = numbers.try_emplace(*score.cluster, clusters.number);
    if (is_new) ++clusters.number;
    clusters.of_score.push_back(at->second);
  }
  return clusters;
}

/// Outcomes that go together tell as much as fewer independent ones: as many as would have their
/// error, but no fewer than clusters and no more than there are. Where all clusters agree there is
/// no error to tell, and each counts as one outcome.
double independent_outcomes(double share, const Aggregate& aggregate) {
  const auto n = static_cast<double>(aggregate.n);
  if (!aggregate.clustered_error) return n;
  const auto clusters = static_cast<double>(aggregate.num_clusters);
  // Deviations that cancel leave a rest of rounding.
  constexpr double rounding = 1e-12;
  if (*aggregate.clustered_error < rounding) return clusters;
  const double variance = *aggregate.clustered_error * *aggregate.clustered_error;
  return std::clamp(share * (1 - share) / variance, std::min(clusters, n), n);
}

std::optional<Interval> interval_of(std::span<const double> values, const Aggregate& aggregate) {
  // One cluster of several outcomes is one draw, of which nothing can be told.
  if (aggregate.num_clusters == 1 && aggregate.n > 1) return std::nullopt;
  const auto ones = std::ranges::count(values, 1.0);
  if (ones + std::ranges::count(values, 0.0) != std::ssize(values)) return std::nullopt;
  const double share = static_cast<double>(ones) / static_cast<double>(values.size());
  return wilson_of_share(share, independent_outcomes(share, aggregate));
}

Aggregate mean_of(std::span<const WeightedValue> scores) {
  const auto values = values_of(scores);
  const auto clusters = clusters_of(scores);
  Aggregate result{.value = mean(values),
                   .standard_error = standard_error(values),
                   .n = std::ssize(values),
                   .num_clusters = clusters.number};
  if (clusters.number < result.n) {
    result.clustered_error = clustered_error(values, clusters.of_score, clusters.number);
  }
  result.interval = interval_of(values, result);
  return result;
}

/// A ratio of sums: its error is that of the mean of the residuals value - ratio * weight, in units
/// of the mean weight (the ratio estimator).
Aggregate weighted_mean_of(std::span<const WeightedValue> scores) {
  std::vector<WeightedValue> counted;
  std::ranges::copy_if(scores, std::back_inserter(counted),
                       [](const WeightedValue& score) { return score.weight != 0; });
  if (counted.empty()) return {};
  const double ratio = weighted_mean(counted);
  double weights = 0;
  std::vector<double> residuals;
  for (const auto& score : counted) {
    residuals.push_back(score.value - ratio * score.weight);
    weights += score.weight;
  }
  const auto clusters = clusters_of(counted);
  const double mean_weight = weights / static_cast<double>(counted.size());
  const auto per_weight = [&](std::optional<double> error) {
    return error ? std::optional(*error / mean_weight) : std::nullopt;
  };
  Aggregate result{.value = ratio,
                   .standard_error = per_weight(standard_error(residuals)),
                   .n = std::ssize(counted),
                   .num_clusters = clusters.number};
  if (clusters.number < result.n) {
    result.clustered_error =
        per_weight(clustered_error(residuals, clusters.of_score, clusters.number));
  }
  return result;
}

}  // namespace

Aggregate aggregate(Aggregation aggregation, std::span<const WeightedValue> scores) {
  if (scores.empty()) return {};
  Aggregate result{.n = std::ssize(scores), .num_clusters = std::ssize(scores)};
  switch (aggregation) {
    case Aggregation::Mean:
      return mean_of(scores);
    case Aggregation::WeightedPerplexity:
      result.value = std::exp(-weighted_mean(scores));
      return result;
    case Aggregation::BitsPerUnit:
      result.value = -weighted_mean(scores) / std::numbers::ln2;
      return result;
    case Aggregation::MeanPerplexity:
      result.value = std::exp(-mean(values_of(scores)));
      return result;
    case Aggregation::WeightedMean:
      return weighted_mean_of(scores);
  }
  invariant(false, "aggregation {} is not one of ours", static_cast<int>(aggregation));
  return result;
}

}  // namespace hylo::reports
