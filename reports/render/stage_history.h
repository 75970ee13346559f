// A stage of a training run in few numbers: totals, first and last loss, and a curve.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "reports/store/store.h"
#include "reports/store/training_records.h"

namespace hylo::reports {

/// Means over neighbouring steps; without a value where no step has one, NaN where one is NaN.
struct StagePoint {
  int64_t tokens = 0;  ///< of the stage until the end of these steps
  int64_t num_steps = 0;
  std::optional<double> loss, divergence, cross_entropy, layer_distance, mixer_distance;
  std::optional<double> margin, preference_accuracy;
  std::optional<double> gradient_norm, learning_rate, tokens_per_second;
};

struct StageHistory {
  std::optional<int64_t> last_step;  ///< its number; none: there are no steps
  int64_t num_steps = 0;             ///< that the store has
  int64_t num_rows = 0;
  std::optional<double> seconds;                ///< of the steps that say it
  std::optional<double> tokens_per_second;      ///< of the same steps
  std::optional<double> first_loss, last_loss;  ///< means of a hundredth of the steps, at least one
  std::optional<int64_t> peak_bytes;
  std::vector<StagePoint> points;

  struct Mark {
    int64_t step = 0, tokens = 0;  ///< tokens until after this step
  };
  std::vector<Mark> marks;  ///< of each step, in order
  /// Tokens read in the first `num_steps_done` steps.
  [[nodiscard]] int64_t tokens_after(int64_t num_steps_done) const;
};

StageHistory stage_history(const Store& store, int64_t run, int64_t stage, int64_t max_points);

}  // namespace hylo::reports
