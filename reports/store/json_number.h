// Doubles that may be absent or no number: in JSON, and held against each other.
#pragma once

#include <optional>

#include "harness/base/json.h"

namespace hylo::reports {

/// The number; null for none; the strings "NaN", "Infinity" and "-Infinity" for what JSON has no
/// number for (nlohmann writes null, which would say that the value does not apply).
OrderedJson json_number(std::optional<double> value);

/// The other way round.
std::optional<double> number_of(const OrderedJson& json);

/// Equal, both absent or both NaN: what is stored and read back is the same.
bool same_number(std::optional<double> a, std::optional<double> b);

}  // namespace hylo::reports
