#include "tasks/core/aggregate.h"

#include <cmath>
#include <numbers>

#include "harness/base/error.h"

namespace hylo::tasks {
namespace {

struct Column {
  std::vector<double> values;
  std::vector<double> weights;
  int64_t num_failed = 0;
};

/// A bucket that the document does not reach: neither a value nor a failure.
bool counts_for_nothing(const MetricInfo& metric, double weight) {
  return metric.aggregation == Aggregation::WeightedMean && weight == 0;
}

double sum_of(const std::vector<double>& numbers) {
  double sum = 0;
  for (const double number : numbers) sum += number;
  return sum;
}

double mean_of(const std::vector<double>& values) {
  return sum_of(values) / static_cast<double>(values.size());
}

std::optional<double> standard_error_of_mean(const std::vector<double>& values) {
  if (values.size() < 2) return std::nullopt;
  const auto n = static_cast<double>(values.size());
  const double mean = mean_of(values);
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / (n - 1)) / std::sqrt(n);
}

Column column_of(const MetricInfo& metric, size_t position, std::span<const Score> scores) {
  Column column;
  for (const auto& score : scores) {
    invariant(position < score.size() && score[position].metric == metric.name &&
                  score[position].filter == metric.filter,
              "a score has no {},{} at position {}", metric.name, metric.filter, position);
    const auto& [name, filter, value, weight, extracted] = score[position];
    if (!value) {
      ++column.num_failed;
      continue;
    }
    if (counts_for_nothing(metric, weight)) continue;
    column.values.push_back(*value);
    column.weights.push_back(weight);
  }
  return column;
}

/// Of a ratio of sums, by the residuals of the documents: sqrt(n / (n - 1) * sum of (v - r w)^2)
/// over the sum of the weights.
std::optional<double> standard_error_of_ratio(const Column& column) {
  if (column.values.size() < 2) return std::nullopt;
  const auto n = static_cast<double>(column.values.size());
  const double weights = sum_of(column.weights);
  const double ratio = sum_of(column.values) / weights;
  double squares = 0;
  for (size_t i = 0; i < column.values.size(); ++i) {
    const double residual = column.values[i] - ratio * column.weights[i];
    squares += residual * residual;
  }
  return std::sqrt(n / (n - 1) * squares) / weights;
}

double value_of(Aggregation aggregation, const Column& column) {
  switch (aggregation) {
    case Aggregation::Mean:
      return mean_of(column.values);
    case Aggregation::WeightedPerplexity:
      return std::exp(-sum_of(column.values) / sum_of(column.weights));
    case Aggregation::MeanPerplexity:
      return std::exp(-mean_of(column.values));
    case Aggregation::BitsPerByte:
      return -sum_of(column.values) / sum_of(column.weights) / std::numbers::ln2;
    case Aggregation::WeightedMean:
      return sum_of(column.values) / sum_of(column.weights);
  }
  invariant(false, "aggregation {} has no formula", static_cast<int>(aggregation));
  return 0;
}

}  // namespace

std::vector<Aggregate> aggregate(const TaskInfo& info, std::span<const Score> scores) {
  std::vector<Aggregate> aggregates;
  for (size_t i = 0; i < info.metrics.size(); ++i) {
    const MetricInfo& metric = info.metrics[i];
    const Column column = column_of(metric, i, scores);
    Aggregate result{.metric = metric.name,
                     .filter = metric.filter,
                     .num_documents = static_cast<int64_t>(column.values.size()),
                     .num_failed = column.num_failed};
    if (!column.values.empty()) result.value = value_of(metric.aggregation, column);
    if (metric.aggregation == Aggregation::Mean) {
      result.standard_error = standard_error_of_mean(column.values);
    }
    if (metric.aggregation == Aggregation::WeightedMean) {
      result.standard_error = standard_error_of_ratio(column);
    }
    aggregates.push_back(std::move(result));
  }
  return aggregates;
}

}  // namespace hylo::tasks
