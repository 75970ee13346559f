#include "kernels/ops/moe_dispatch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/masked_select.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/scatter.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/sort.h>

#include <limits>

#include "harness/base/error.h"
#include "kernels/cpu/route.h"
#include "kernels/ops/gradient.h"
#include "kernels/ops/recurrent.h"
#include "kernels/ops/shape.h"

namespace hylo::kernels {
namespace {

void check(const RouteIn& in) {
  require(in.logits_NE.dim() == 2, "route: logits {} must be [rows, experts]",
          shape_text(in.logits_NE));
  const int64_t experts = in.logits_NE.size(1);
  require(in.experts_per_token >= 1 && in.experts_per_token <= experts,
          "route: {} of {} experts per token", in.experts_per_token, experts);
  require(in.spec.num_groups >= 1 && experts % in.spec.num_groups == 0 && in.spec.top_groups >= 1 &&
              in.spec.top_groups <= in.spec.num_groups,
          "route: {} experts, {} of {} groups: groups must divide experts", experts,
          in.spec.top_groups, in.spec.num_groups);
  require(!in.bias_E.defined() || in.bias_E.numel() == experts, "route: bias {} for logits {}",
          shape_text(in.bias_E), shape_text(in.logits_NE));
}

/// The k largest of each row; a stable sort, because topk breaks ties as it likes.
at::Tensor top_indices(const at::Tensor& values_NE, int64_t k) {
  return std::get<1>(at::sort(values_NE, /*stable=*/true, -1, /*descending=*/true))
      .narrow(-1, 0, k);
}

/// Values of experts outside of the best groups become -inf.
at::Tensor within_groups(const at::Tensor& values_NE, const RouterSpec& spec) {
  if (spec.top_groups == spec.num_groups) return values_NE;
  const auto grouped = values_NE.view({values_NE.size(0), spec.num_groups, -1});
  const auto best = std::get<0>(at::sort(grouped, /*stable=*/true, -1, /*descending=*/true));
  const int64_t judged =
      spec.kind == RouterKind::Sigmoid ? std::min<int64_t>(2, grouped.size(2)) : 1;
  const auto chosen = top_indices(best.narrow(-1, 0, judged).sum(-1), spec.top_groups);
  constexpr double nothing = -std::numeric_limits<double>::infinity();
  const auto penalty =
      at::full_like(grouped.select(-1, 0), nothing).scatter(-1, chosen, 0.0).unsqueeze(-1);
  return (grouped + penalty).view(values_NE.sizes());
}

/// The same of LibTorch's ops, whose gradients are known.
Routes differentiable_route(const RouteIn& in) {
  const auto wide = computing_type(in.logits_NE.scalar_type());
  const auto logits_NE = in.logits_NE.to(wide);
  at::Tensor values_NE;
  switch (in.spec.kind) {
    case RouterKind::SoftmaxThenTop:
      values_NE = at::softmax(logits_NE, -1);
      break;
    case RouterKind::TopThenSoftmax:
      values_NE = logits_NE;
      break;
    case RouterKind::Sigmoid:
      values_NE = at::sigmoid(logits_NE);
      break;
  }
  const auto biased_NE = in.bias_E.defined() ? values_NE + in.bias_E.to(wide) : values_NE;
  const auto experts_Nk =
      top_indices(within_groups(biased_NE, in.spec).detach(), in.experts_per_token);
  auto weights_Nk = at::gather(values_NE, -1, experts_Nk);
  if (in.spec.kind == RouterKind::TopThenSoftmax) weights_Nk = at::softmax(weights_Nk, -1);
  if (in.spec.normalised) {
    const double epsilon = in.spec.kind == RouterKind::Sigmoid ? sigmoid_sum_epsilon : 0;
    weights_Nk = weights_Nk / (weights_Nk.sum(-1, /*keepdim=*/true) + epsilon);
  }
  if (in.spec.scale != 1) weights_Nk = weights_Nk * in.spec.scale;
  return {experts_Nk, weights_Nk};
}

}  // namespace

Routes route(const RouteIn& in) {
  check(in);
  if (wants_gradient({in.logits_NE, in.bias_E})) return differentiable_route(in);
  const auto wide = computing_type(in.logits_NE.scalar_type());
  auto checked = in;
  checked.logits_NE = in.logits_NE.to(wide).contiguous();
  if (in.bias_E.defined()) checked.bias_E = in.bias_E.to(wide).contiguous();
  const int64_t rows = in.logits_NE.size(0);
  Routes routes{at::empty({rows, in.experts_per_token}, at::TensorOptions().dtype(at::kLong)),
                at::empty({rows, in.experts_per_token}, checked.logits_NE.options())};
  cpu::route(checked, routes);
  return routes;
}

ExpertRows rows_of_expert(const Routes& routes, int64_t expert) {
  const auto chosen_Nk = at::eq(routes.experts_Nk, expert);
  return {at::nonzero(chosen_Nk).select(1, 0), at::masked_select(routes.weights_Nk, chosen_Nk)};
}

}  // namespace hylo::kernels
