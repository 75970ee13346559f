#include "reports/compare/aggregate.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numbers>
#include <vector>

#include "harness/base/error.h"

namespace hylo::reports {
namespace {

std::vector<double> values_of(std::span<const WeightedValue> scores) {
  std::vector<double> values;
  values.reserve(scores.size());
  for (const auto& score : scores) values.push_back(score.value);
  return values;
}

double weighted_mean(std::span<const WeightedValue> scores) {
  double values = 0;
  double weights = 0;
  for (const auto& score : scores) {
    values += score.value;
    weights += score.weight;
  }
  return values / weights;
}

std::optional<Interval> interval_of(std::span<const double> values) {
  const auto ones = std::ranges::count(values, 1.0);
  if (ones + std::ranges::count(values, 0.0) != std::ssize(values)) return std::nullopt;
  return wilson(ones, std::ssize(values));
}

Aggregate mean_of(std::span<const double> values) {
  return {.value = mean(values),
          .standard_error = standard_error(values),
          .interval = interval_of(values),
          .n = std::ssize(values)};
}

Aggregate weighted_mean_of(std::span<const WeightedValue> scores) {
  std::vector<WeightedValue> counted;
  std::ranges::copy_if(scores, std::back_inserter(counted),
                       [](const WeightedValue& score) { return score.weight != 0; });
  if (counted.empty()) return {};
  return {.value = weighted_mean(counted),
          .standard_error = ratio_error(counted),
          .n = std::ssize(counted)};
}

}  // namespace

Aggregate aggregate(Aggregation aggregation, std::span<const WeightedValue> scores) {
  if (scores.empty()) return {};
  Aggregate result{.n = std::ssize(scores)};
  switch (aggregation) {
    case Aggregation::Mean:
      return mean_of(values_of(scores));
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
