// From scores of documents to one number with its error.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "reports/compare/statistics.h"

namespace hylo::reports {

/// How scores of documents become one value. Means have a standard error; perplexities are
/// made of log-likelihoods and, the weighted ones, counts of words or bytes.
enum class Aggregation {
  Mean = 1,            ///< of values; standard error s / sqrt(n)
  WeightedPerplexity,  ///< exp(-sum of values / sum of weights)
  BitsPerUnit,         ///< -sum of values / sum of weights / ln 2: bits per byte
  MeanPerplexity,      ///< exp(-mean of values): perplexity per document
  WeightedMean,        ///< sum of values / sum of weights; scores of weight 0 do not count
};

struct WeightedValue {
  double value = 0;
  double weight = 1;
  /// Values of one cluster are not independent of each other; none: stands for itself.
  std::optional<int64_t> cluster;
};

/// Without weights and clusters, in order.
std::vector<double> values_of(std::span<const WeightedValue> scores);

struct Aggregate {
  std::optional<double> value;           ///< none without scores
  std::optional<double> standard_error;  ///< none where there is none, or fewer than two scores
  /// Of a mean, with clusters taken together; none where every score stands for itself.
  std::optional<double> clustered_error;
  std::optional<Interval> interval;  ///< 95 %, Wilson; of means whose scores are all 0 or 1
  int64_t n = 0;                     ///< scores that counted
  int64_t num_clusters = 0;          ///< of those scores; n where every score stands for itself

  /// The one to quote: clustered where there are clusters; none where all scores are one cluster.
  [[nodiscard]] std::optional<double> best_error() const {
    return num_clusters < n ? clustered_error : standard_error;
  }
};

/// Sums run in the order given, so that the result is that of the same order elsewhere.
Aggregate aggregate(Aggregation aggregation, std::span<const WeightedValue> scores);

}  // namespace hylo::reports
