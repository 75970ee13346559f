#include "models/blocks/feed_forward.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "kernels/ops/activations.h"
#include "kernels/ops/moe_dispatch.h"
#include "kernels/ops/swiglu.h"
#include "models/blocks/linear.h"

namespace hylo::models {
namespace {

at::Tensor swiglu(const SwiGluWeights& weights, const at::Tensor& x_ND, kernels::RowGroups groups) {
  const auto gated_NF =
      kernels::swiglu({project(weights.gate, x_ND, groups), project(weights.up, x_ND, groups)});
  return project(weights.down, gated_NF, groups);
}

}  // namespace

FeedForwardOut feed_forward(const NoFeedForward&, const NoWeights&, const at::Tensor& x_ND,
                            kernels::RowGroups) {
  return {at::zeros_like(x_ND), {}};
}

FeedForwardOut feed_forward(const SwiGluSpec&, const SwiGluWeights& weights, const at::Tensor& x_ND,
                            kernels::RowGroups groups) {
  return {swiglu(weights, x_ND, groups), {}};
}

FeedForwardOut feed_forward(const MoeSpec& spec, const MoeWeights& weights, const at::Tensor& x_ND,
                            kernels::RowGroups groups) {
  const auto type = x_ND.scalar_type();
  const auto logits_NE = project(weights.router, x_ND, groups);
  const auto routes = kernels::route({.logits_NE = logits_NE,
                                      .experts_per_token = spec.experts_per_token,
                                      .spec = spec.router,
                                      .bias_E = weights.selection_bias_E});
  auto out_ND = at::zeros(x_ND.sizes(), x_ND.options().dtype(routes.weights_Nk.scalar_type()));
  const auto experts = kernels::rows_of_experts(routes, spec.num_experts);
  const kernels::RowsOfExperts rows(x_ND, experts);
  for (size_t i = 0; i < experts.size(); ++i) {
    const auto& to = experts[i];
    out_ND =
        kernels::add_weighted(out_ND, swiglu(weights.experts[to.expert], rows.of(i), groups), to);
  }
  if (spec.shared_width > 0) {
    auto shared_ND = swiglu(weights.shared, x_ND, groups);
    if (spec.shared_gate) {
      shared_ND = kernels::sigmoid_gate({shared_ND, project(weights.shared_gate, x_ND, groups)});
    }
    out_ND = out_ND + shared_ND;
  }
  return {out_ND.to(type), logits_NE};
}

}  // namespace hylo::models
