// The types of weights in LibTorch's words.
#pragma once

#include <c10/core/ScalarType.h>

#include <optional>

#include "models/config/model_config.h"

namespace hylo::models {

at::ScalarType scalar_type(NumberType type);
/// Nothing for types in which weights are not stored.
std::optional<NumberType> number_type(at::ScalarType type);

}  // namespace hylo::models
