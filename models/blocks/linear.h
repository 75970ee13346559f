// A projection: the op applied to a pair of weights.
#pragma once

#include "kernels/ops/linear.h"
#include "models/weights/linear_weights.h"

namespace hylo::models {

inline at::Tensor project(const LinearWeights& weights, const at::Tensor& x_NI,
                          kernels::RowGroups groups) {
  return kernels::linear({x_NI, weights.weight_OI, weights.bias_O, groups});
}

/// Heads with weights of their own: head h of x_NHI is multiplied with weight h / (H / G) of
/// weight_GOI; [N, H, O]. The weights may be views.
at::Tensor project_heads(const at::Tensor& weight_GOI, const at::Tensor& x_NHI,
                         kernels::RowGroups groups);

}  // namespace hylo::models
