// Feed-forward blocks.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/ops/linear.h"
#include "models/config/layer_spec.h"
#include "models/weights/weights.h"

namespace hylo::models {

/// down(silu(gate(x)) * up(x)), [N, D].
at::Tensor feed_forward(const SwiGluSpec& spec, const SwiGluWeights& weights,
                        const at::Tensor& x_ND, kernels::RowGroups groups);

}  // namespace hylo::models
