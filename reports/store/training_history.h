// What training runs wrote down, read back.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "reports/store/store.h"
#include "reports/store/training_records.h"

namespace hylo::reports {

/// By id, by name, or "latest" (begun or resumed last). Throws Error with the nearest name, and
/// when there are no training runs at all.
TrainingSummary find_training(const Store& store, std::string_view id_name_or_latest);
std::vector<TrainingSummary> training_runs(const Store& store);  ///< oldest first

/// Sums over the steps that the store has.
struct TrainingTotals {
  int64_t num_steps = 0;
  int64_t num_rows = 0;
  double seconds = 0;  ///< of those that say it
};
TrainingTotals training_totals(const Store& store, int64_t run);

/// Shows the steps of a stage in order; one at a time is held.
void read_training_steps(const Store& store, int64_t run, int64_t stage,
                         const std::function<void(const TrainingStep&)>& on_step);
/// In order of places, then of data.
std::vector<TrainingValidation> training_validations(const Store& store, int64_t run);
std::vector<TrainingCheckpoint> training_checkpoints(const Store& store, int64_t run);
std::vector<TrainingEvaluation> training_evaluations(const Store& store, int64_t run);

}  // namespace hylo::reports
