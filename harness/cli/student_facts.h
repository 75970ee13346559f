// What a student is beside its teacher: parameters, cache, states.
#pragma once

#include "harness/cli/facts.h"
#include "models/config/model_config.h"

namespace hylo::cli {

/// Layers, parameters and bytes of one sequence, each beside the teacher's; what is dropped.
FactSection student_facts(const models::ModelConfig& teacher, const models::ModelConfig& student);

}  // namespace hylo::cli
