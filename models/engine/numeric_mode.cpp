#include "models/engine/numeric_mode.h"

#include "harness/base/error.h"

namespace hylo::models {

std::string_view numeric_mode_name(NumericMode mode) {
  switch (mode) {
    case NumericMode::Exact:
      return "exact";
    case NumericMode::Stable:
      return "stable";
    case NumericMode::Fast:
      return "fast";
  }
  invariant(false, "a numeric mode without a name");
  return {};
}

std::optional<NumericMode> numeric_mode_named(std::string_view name) {
  for (const auto mode : {NumericMode::Exact, NumericMode::Stable, NumericMode::Fast}) {
    if (numeric_mode_name(mode) == name) return mode;
  }
  return std::nullopt;
}

}  // namespace hylo::models
