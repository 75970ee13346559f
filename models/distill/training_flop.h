// Floating-point operations of a stage of training. A multiplication and an addition are two;
// products count, and what attention and recurrences do beside them; norms and activations do not.
#pragma once

#include <cstdint>

#include "models/config/model_config.h"
#include "models/distill/stage.h"

namespace hylo::models {

/// Of one layer's forward pass, a row in sequences of so many. Attention sees half of its sequence
/// on average; recurrences run in their chunked form.
double layer_flop(const ModelConfig& config, int64_t layer, int64_t sequence_rows);
/// Of the last projection, a row.
double head_flop(const ModelConfig& config);

/// Of whom a stage learns, and what is trained. Null: there is none.
struct StageModels {
  const ModelConfig& student;
  const ModelConfig* base = nullptr;     ///< what layers are aligned with
  const ModelConfig* teacher = nullptr;  ///< of logits, where it is not the base
  /// Who is looked at in this stage; null where none is needed.
  [[nodiscard]] const ModelConfig* teacher_of(const Objective& objective) const;
  /// Whether alignment leaves the layer alone, being the base's still. A layer of the same spec
  /// counts as one, as it is before anything was trained.
  [[nodiscard]] bool is_copied(const Objective& objective, int64_t layer) const;
};

struct StageFlop {
  double forward = 0;        ///< of the student
  double backward = 0;       ///< twice the forward pass: what frozen weights save is not deducted
  double recomputation = 0;  ///< of layers that are computed again
  double teacher = 0;
  [[nodiscard]] double total() const { return forward + backward + recomputation + teacher; }
};

/// Of one row of the stage.
StageFlop flop_of_row(const Stage& stage, const StageModels& models);

}  // namespace hylo::models
