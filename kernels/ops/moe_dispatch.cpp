#include "kernels/ops/moe_dispatch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/scatter.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/split_with_sizes.h>

#include <limits>
#include <numeric>

#include "harness/base/error.h"
#include "kernels/cpu/add_rows.h"
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

std::vector<ExpertRows> rows_of_experts(const Routes& routes, int64_t num_experts) {
  const auto experts_Nk = routes.experts_Nk.contiguous();
  const int64_t k = experts_Nk.size(1), num_choices = experts_Nk.numel();
  const auto* expert = experts_Nk.const_data_ptr<int64_t>();
  std::vector<int64_t> begin(num_experts + 1);
  for (int64_t i = 0; i < num_choices; ++i) {
    require(expert[i] >= 0 && expert[i] < num_experts, "rows_of_experts: expert {} of {}",
            expert[i], num_experts);
    ++begin[expert[i] + 1];
  }
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  // Choices by expert, and within one by row.
  auto choices_M = at::empty({num_choices}, experts_Nk.options());
  auto rows_M = at::empty({num_choices}, experts_Nk.options());
  auto next = begin;
  for (int64_t i = 0; i < num_choices; ++i) {
    const int64_t place = next[expert[i]]++;
    choices_M.mutable_data_ptr<int64_t>()[place] = i;
    rows_M.mutable_data_ptr<int64_t>()[place] = i / k;
  }
  const auto weights_M = at::index_select(routes.weights_Nk.reshape({-1}), 0, choices_M);
  std::vector<ExpertRows> found;
  for (int64_t e = 0; e < num_experts; ++e) {
    const int64_t count = begin[e + 1] - begin[e];
    if (count == 0) continue;
    found.push_back({e, rows_M.narrow(0, begin[e], count), weights_M.narrow(0, begin[e], count)});
  }
  return found;
}

RowsOfExperts::RowsOfExperts(const at::Tensor& x_ND, std::span<const ExpertRows> experts)
    : x_ND_(x_ND), experts_(experts) {
  if (experts.empty() || !wants_gradient({x_ND})) return;
  std::vector<at::Tensor> rows;
  std::vector<int64_t> counts;
  for (const auto& one : experts) {
    rows.push_back(one.rows_M);
    counts.push_back(one.rows_M.numel());
  }
  all_ = at::split_with_sizes(at::index_select(x_ND, 0, at::cat(rows)), counts);
}

at::Tensor RowsOfExperts::of(size_t i) const {
  return all_.empty() ? at::index_select(x_ND_, 0, experts_[i].rows_M) : all_[i];
}

at::Tensor add_weighted(const at::Tensor& sum_ND, const at::Tensor& y_MD, const ExpertRows& to) {
  require(sum_ND.dim() == 2 && y_MD.dim() == 2 && sum_ND.size(1) == y_MD.size(1) &&
              to.rows_M.numel() == y_MD.size(0) && to.weights_M.numel() == y_MD.size(0),
          "add_weighted: y {}, rows {} and weights {} for a sum {}", shape_text(y_MD),
          shape_text(to.rows_M), shape_text(to.weights_M), shape_text(sum_ND));
  require(sum_ND.scalar_type() == computing_type(y_MD.scalar_type()) &&
              sum_ND.scalar_type() == to.weights_M.scalar_type() && sum_ND.is_contiguous(),
          "add_weighted: the sum ({}) must be contiguous and of the type that computes for y ({}), "
          "and so must the weights ({})",
          type_text(sum_ND), type_text(y_MD), type_text(to.weights_M));
  if (wants_gradient({sum_ND, y_MD, to.weights_M})) {
    auto sum = sum_ND;
    return sum.index_add_(0, to.rows_M, y_MD * to.weights_M.unsqueeze(1));
  }
  auto out_ND = sum_ND;
  cpu::add_rows({y_MD.contiguous(), to.weights_M.contiguous(), to.rows_M.contiguous()}, out_ND);
  return out_ND;
}

}  // namespace hylo::kernels
