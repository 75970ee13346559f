#include "reports/compare/mean_of_cells.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "harness/base/error.h"

namespace hylo::reports {
namespace {

/// Of the weighted sum of the cells' means.
std::optional<double> plain_error(std::span<const std::vector<WeightedValue>> cells,
                                  std::span<const double> weights) {
  double squares = 0;
  for (size_t c = 0; c < cells.size(); ++c) {
    const auto error = standard_error(values_of(cells[c]));
    if (!error) return std::nullopt;
    squares += weights[c] * *error * weights[c] * *error;
  }
  return std::sqrt(squares);
}

using Deviations = std::unordered_map<int64_t, double>;

/// Adds up the deviations of clusters over cells.
class ClusterSums {
 public:
  void add(std::span<const WeightedValue> scores, double weight) {
    const double centre = mean(values_of(scores));
    const auto n = static_cast<double>(scores.size());
    Deviations own;
    for (const auto& score : scores) {
      // What stands for itself is a cluster of one, numbered below all others.
      const int64_t cluster = score.cluster ? *score.cluster : --last_single_;
      own[cluster] += (score.value - centre) / n;
    }
    const auto groups = static_cast<double>(own.size());
    has_error_ = has_error_ && groups > 1;
    const double scale = groups > 1 ? weight * std::sqrt(groups / (groups - 1)) : 0;
    for (const auto& [cluster, deviation] : own) sums_[cluster] += scale * deviation;
  }
  [[nodiscard]] int64_t num_clusters() const { return std::ssize(sums_); }
  /// Of the weighted sum of the cells' means; none where a cell has fewer than two clusters.
  [[nodiscard]] std::optional<double> error() const {
    if (!has_error_) return std::nullopt;
    std::vector<double> squares;
    for (const auto& [cluster, sum] : sums_) squares.push_back(sum * sum);
    // In an order of their own, so that numbers of clusters do not matter.
    std::ranges::sort(squares);
    double total = 0;
    for (const double square : squares) total += square;
    return std::sqrt(total);
  }

 private:
  Deviations sums_;
  int64_t last_single_ = 0;
  bool has_error_ = true;
};

}  // namespace

MeanOfCells mean_of_cells(std::span<const std::vector<WeightedValue>> cells,
                          std::span<const double> cell_weights) {
  invariant(!cells.empty(), "a mean of no cells");
  const std::vector<double> alike(cell_weights.empty() ? cells.size() : 0, 1.0);
  const auto weights = cell_weights.empty() ? std::span(alike) : cell_weights;
  invariant(weights.size() == cells.size(), "{} weights of {} cells", weights.size(), cells.size());
  MeanOfCells result;
  for (const auto& scores : cells) result.n += std::ssize(scores);
  if (std::ranges::any_of(cells, [](const auto& scores) { return scores.empty(); })) return result;
  double total_weight = 0;
  double sum = 0;
  ClusterSums clusters;
  for (size_t c = 0; c < cells.size(); ++c) {
    total_weight += weights[c];
    sum += weights[c] * mean(values_of(cells[c]));
    clusters.add(cells[c], weights[c]);
  }
  result.value = sum / total_weight;
  result.num_clusters = clusters.num_clusters();
  const auto clustered = clusters.error();
  const auto plain = plain_error(cells, weights);
  if (!clustered || !plain) return result;
  result.standard_error = *plain / total_weight;
  if (result.num_clusters < result.n) result.clustered_error = *clustered / total_weight;
  return result;
}

}  // namespace hylo::reports
