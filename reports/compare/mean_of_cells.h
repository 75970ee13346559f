// The mean of the means of several cells, some scores of which go together across cells: the
// same questions at several lengths.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "reports/compare/aggregate.h"

namespace hylo::reports {

struct MeanOfCells {
  std::optional<double> value;  ///< none where a cell has no scores
  /// Every score taken as independent: sqrt(sum of SE^2) / C for C cells; none where a cell has
  /// several scores of one cluster and no other, which tell nothing of its error.
  std::optional<double> standard_error;
  /// With clusters taken together, also those that reach over cells; none where there are none.
  /// With d the sum of (value - mean of its cell) / n of the cell over the scores that a cluster
  /// has in a cell, and G the number of clusters in the cell,
  ///   SE^2 = sum over clusters of (sum over cells of sqrt(G / (G - 1)) d)^2 / C^2,
  /// which of one cell is its clustered error, of cells without common clusters sqrt(sum of SE^2) /
  /// C, and of cells with the same independent questions the error of the means of the questions.
  std::optional<double> clustered_error;
  int64_t n = 0;             ///< scores
  int64_t num_clusters = 0;  ///< of them; n where every score stands for itself

  /// The one to quote.
  [[nodiscard]] std::optional<double> best_error() const {
    return num_clusters < n ? clustered_error : standard_error;
  }
};

/// A number of a cluster, 0 or more, means the same cluster in all cells. Weights of scores do not
/// count. `cell_weights` say how much each cell counts, all alike where there are none: a cell's
/// deviations are multiplied by its weight, and C is the sum of the weights. Throws
/// std::logic_error without cells, or with another number of weights.
MeanOfCells mean_of_cells(std::span<const std::vector<WeightedValue>> cells,
                          std::span<const double> cell_weights = {});

}  // namespace hylo::reports
