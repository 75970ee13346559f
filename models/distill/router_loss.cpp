#include "models/distill/router_loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/bincount.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>

#include <vector>

#include "harness/base/error.h"
#include "kernels/ops/moe_dispatch.h"

namespace hylo::models {
namespace {

/// The share of choices that fell on each expert.
at::Tensor shares_of_choices(const MoeSpec& spec, const MoeWeights& weights,
                             const at::Tensor& logits_NE) {
  const auto chosen_Nk = kernels::route({.logits_NE = logits_NE.detach(),
                                         .experts_per_token = spec.experts_per_token,
                                         .spec = spec.router,
                                         .bias_E = weights.selection_bias_E})
                             .experts_Nk;
  const auto counts_E = at::bincount(chosen_Nk.flatten(), {}, spec.num_experts);
  return counts_E.to(logits_NE.scalar_type()) / static_cast<double>(chosen_Nk.numel());
}

at::Tensor probabilities(const MoeSpec& spec, const at::Tensor& logits_NE) {
  if (spec.router.kind != RouterKind::Sigmoid) return at::softmax(logits_NE, -1);
  const auto strengths_NE = at::sigmoid(logits_NE);
  return strengths_NE / strengths_NE.sum(-1, /*keepdim=*/true);
}

}  // namespace

RouterTerms router_terms(const ModelConfig& config, const ModelWeights& weights,
                         std::span<const at::Tensor> router_logits_NE) {
  std::vector<at::Tensor> balances, squares;
  for (size_t i = 0; i < router_logits_NE.size(); ++i) {
    const auto* spec = std::get_if<MoeSpec>(&config.layers[i].feed_forward);
    if (!spec) continue;
    const auto& given_NE = router_logits_NE[i];
    const auto logits_NE =
        given_NE.scalar_type() == at::kDouble ? given_NE : given_NE.to(at::kFloat);
    const auto& own = std::get<MoeWeights>(weights.layers[i].feed_forward);
    const auto mean_E = probabilities(*spec, logits_NE).mean(0);
    balances.push_back((shares_of_choices(*spec, own, logits_NE) * mean_E).sum() *
                       static_cast<double>(spec->num_experts));
    squares.push_back(at::logsumexp(logits_NE, -1).square().mean());
  }
  invariant(!balances.empty(), "no layer has experts whose routers could be balanced");
  return {at::stack(balances).mean(), at::stack(squares).mean()};
}

}  // namespace hylo::models
