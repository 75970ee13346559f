// Whether a stage can be run on a student.
#pragma once

#include "models/config/model_config.h"
#include "models/distill/stage.h"

namespace hylo::models {

/// Throws Error, naming the stage: a pattern of `frozen` that no tensor has, a loss of routers
/// where there are none, layers that cannot be aligned with those of `base` (null: there is none).
void check_fits(const Stage& stage, const ModelConfig* base, const ModelConfig& student);

/// Throws Error unless a student can learn from this teacher's logits.
void check_vocabulary(const ModelConfig& teacher, const ModelConfig& student);

}  // namespace hylo::models
