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
  /// Who is looked at in steps of this stage; null where none is needed. A reference of preferences
  /// is asked before the first step.
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

/// Of the rows of a stage. What a reference of preferences takes before the first step is left out.
struct RowFlop {
  StageFlop row;    ///< of every row
  StageFlop label;  ///< what a row with a label takes beside it: logits that others do not form
  /// Of so many rows, so many of them with a label.
  [[nodiscard]] StageFlop of(int64_t num_rows, int64_t num_labels) const;
};
RowFlop flop_of_row(const Stage& stage, const StageModels& models);

/// Whether rows without a label form fewer logits than others. How many there are is known of data
/// only: a plan takes it that every row has a label, and so counts the most that there can be.
bool labels_decide_logits(const Objective& objective);

}  // namespace hylo::models
