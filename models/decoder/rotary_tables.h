// Cosines and sines of the rows of a call.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "models/config/rope_spec.h"

namespace hylo::models {

enum class RotaryPrecision {
  Exact,    ///< angles and range reduction in float64: right at any position
  Float32,  ///< as transformers computes them; cos is off by 5e-3 at 131,072 and 0.1 at 2,097,152
};

struct PositionRange {
  int64_t num_rows = 0;
  int64_t first_position = 0;  ///< rows stand at consecutive positions
};

struct RotaryTables {
  at::Tensor cos_NP, sin_NP;  ///< P = Kr / 2; attention factor multiplied in
};

/// Rows of the ranges one after another. `type` is float32 or float64.
RotaryTables rotary_tables(const RopeSpec& rope, std::span<const PositionRange> ranges,
                           RotaryPrecision precision, at::ScalarType type);

}  // namespace hylo::models
