// Doubles in JSON.
#pragma once

#include <optional>

#include "harness/base/json.h"

namespace hylo::reports {

/// The number; null for none; the strings "NaN", "Infinity" and "-Infinity" for what JSON has no
/// number for (nlohmann writes null, which would say that the value does not apply).
OrderedJson json_number(std::optional<double> value);

/// The other way round.
std::optional<double> number_of(const OrderedJson& json);

}  // namespace hylo::reports
