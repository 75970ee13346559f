// What a training will take, told before anything runs.
#pragma once

#include <optional>
#include <string>

#include "harness/cli/facts.h"
#include "models/distill/devices.h"
#include "models/distill/plan.h"
#include "models/distill/recipe.h"

namespace hylo::cli {

/// A device of the table by name; "here": this machine, whose product peak is measured (seconds).
models::Device device_for(const std::string& name, models::NumberType type);

/// A section for every stage, and one for the device where there is one.
FactPage plan_facts(const models::Recipe& recipe, const models::StageModels& models,
                    const std::optional<models::Device>& device);

}  // namespace hylo::cli
