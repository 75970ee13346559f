// How much of a number may depend on what was computed beside it.
#pragma once

#include <optional>
#include <string_view>

namespace hylo::models {

enum class NumericMode {
  Exact,   ///< a row's result does not depend on what shares its batch
  Stable,  ///< the same plan of batches gives the same numbers
  Fast,    ///< no promise; today it computes as Stable does
};

std::string_view numeric_mode_name(NumericMode mode);
std::optional<NumericMode> numeric_mode_named(std::string_view name);

}  // namespace hylo::models
