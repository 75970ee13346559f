// What a stage of training will take, before anything is opened: memory, operations, time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "models/distill/activation_memory.h"
#include "models/distill/training_flop.h"

namespace hylo::models {

/// Bytes of tensors at one moment of a step.
struct MomentMemory {
  std::string moment;         ///< "loss", "backward pass of layer 3", ...
  int64_t weights = 0;        ///< of the student, in the type of the forward pass
  int64_t masters = 0;        ///< beside them, where that type is a half one
  int64_t teachers = 0;       ///< weights of the base and of the teacher of logits
  int64_t optimizer = 0;      ///< its two moments
  int64_t gradients = 0;      ///< of weights, those of the head apart
  int64_t head_gradient = 0;  ///< as far as it is not yet among the others
  int64_t activations = 0;    ///< that the backward pass waits for, and what it makes of them
  int64_t teacher_rows = 0;   ///< hidden states of the teacher
  int64_t loss = 0;           ///< pieces of logits, the rows they are of, the gradient of these
  int64_t scratch = 0;        ///< what else is there for an instant
  [[nodiscard]] int64_t total() const;
};

struct StagePlan {
  int64_t tokens = 0;
  StageFlop flop;                     ///< of the whole stage, every row with a label
  std::vector<MomentMemory> moments;  ///< of a step, in their order
  [[nodiscard]] const MomentMemory& largest() const;
};

/// Whether one of these stages aligns layers: behind the last of them the base is let go, unless it
/// is the teacher of logits too.
bool any_aligns_with_base(std::span<const Stage> stages);

/// Sequences are taken to be as long as the stage allows: of shorter ones recurrences keep more
/// states, attention multiplies less. Every row is taken to have a label (labels_decide_logits).
/// Not counted: the program itself (about 0.2 GiB), documents (4 bytes a token), what was kept of a
/// teacher (8 bytes for each of the top_k of a token), what the allocator cannot give back.
StagePlan plan_stage(const Stage& stage, const StageModels& models, NumberType type);

}  // namespace hylo::models
