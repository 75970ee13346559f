// A projection: the op applied to a pair of weights.
#pragma once

#include "kernels/ops/linear.h"
#include "models/weights/weights.h"

namespace hylo::models {

inline at::Tensor project(const LinearWeights& weights, const at::Tensor& x_NI,
                          kernels::RowGroups groups) {
  return kernels::linear({x_NI, weights.weight_OI, weights.bias_O, groups});
}

}  // namespace hylo::models
