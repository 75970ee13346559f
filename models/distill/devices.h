// Devices that trainings are planned for: what their makers state, with the source of each figure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "models/config/model_config.h"

namespace hylo::models {

struct Device {
  std::string name;
  double half_flop_per_second = 0;     ///< products in bfloat16, dense, summed in float32
  double float32_flop_per_second = 0;  ///< products in float32, no narrower type inside
  int64_t memory_bytes = 0;
  std::string source;
  [[nodiscard]] double flop_per_second(NumberType type) const {
    return bytes_of(type) == 2 ? half_flop_per_second : float32_flop_per_second;
  }
};

/// Of the product peak, what a training is taken to sustain: 400 of the 989 TFLOP/s of an H100, as
/// well-tuned trainings of such models do. An assumption, to be stated beside every figure.
inline constexpr double planned_utilisation = 0.4;

std::span<const Device> known_devices();
/// Throws Error, with the names that are known, for any other.
const Device& device_named(std::string_view name);

}  // namespace hylo::models
