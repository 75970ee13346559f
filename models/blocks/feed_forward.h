// Feed-forward blocks.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/ops/linear.h"
#include "models/config/layer_spec.h"
#include "models/weights/weights.h"

namespace hylo::models {

struct FeedForwardOut {
  at::Tensor out_ND;
  at::Tensor router_logits_NE;  ///< undefined without experts
};

/// A layer without one adds nothing; the decoder does not ask.
FeedForwardOut feed_forward(const NoFeedForward& spec, const NoWeights& weights,
                            const at::Tensor& x_ND, kernels::RowGroups groups);
/// down(silu(gate(x)) * up(x)).
FeedForwardOut feed_forward(const SwiGluSpec& spec, const SwiGluWeights& weights,
                            const at::Tensor& x_ND, kernels::RowGroups groups);
/// The weighted sum of the chosen experts, and the shared one. No token is ever dropped.
FeedForwardOut feed_forward(const MoeSpec& spec, const MoeWeights& weights, const at::Tensor& x_ND,
                            kernels::RowGroups groups);

}  // namespace hylo::models
