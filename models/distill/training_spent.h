// What a training has taken so far; written beside its weights.
#pragma once

#include <cstdint>

#include "harness/base/json.h"

namespace hylo::models {

/// Over all stages and all times that the training was taken up. What is done again after a kill
/// counts once: as of the checkpoint.
struct TrainingSpent {
  int64_t tokens = 0;
  double flop = 0;     ///< of these tokens, logits of those that had a label (training_flop.h)
  double seconds = 0;  ///< in steps of the optimiser, on one device
  bool operator==(const TrainingSpent&) const = default;
};

OrderedJson spent_json(const TrainingSpent& spent);
/// Throws Error, naming the path, for what is missing or no number.
TrainingSpent read_spent(const Json& json, const std::string& path);

}  // namespace hylo::models
