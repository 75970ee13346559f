// Highway wants this order.
// clang-format off
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/route.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include "kernels/cpu/route.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "kernels/cpu/activations-inl.h"
#include "kernels/cpu/convert-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// values[0..n) = exp(values - maximum), and 0 behind them up to whole vectors; returns their sum,
/// whose order is fixed by n.
template <class A>
A exponentials(std::vector<A>& values, int64_t n, A maximum) {
  const hn::ScalableTag<A> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto total = hn::Zero(d);
  for (int64_t i = 0; i < n; i += lanes) {
    const auto x = hn::Sub(hn::LoadU(d, &values[i]), hn::Set(d, maximum));
    const auto e = hn::IfThenElseZero(hn::FirstN(d, std::min(lanes, n - i)), hn::Exp(d, x));
    hn::StoreU(e, d, &values[i]);
    total = hn::Add(total, e);
  }
  return hn::GetLane(hn::SumOfLanes(d, total));
}

/// In place, over the first n of values that are padded to whole vectors.
template <class A>
void softmax(std::vector<A>& values, int64_t n) {
  A maximum = -std::numeric_limits<A>::infinity();
  bool has_nan = false;
  for (int64_t i = 0; i < n; ++i) {
    has_nan = has_nan || std::isnan(values[i]);
    maximum = std::max(maximum, values[i]);
  }
  // Highway's Exp makes 0 of NaN.
  if (has_nan) return std::fill_n(values.begin(), n, std::numeric_limits<A>::quiet_NaN()), void();
  const A total = exponentials(values, n, maximum);
  for (int64_t i = 0; i < n; ++i) values[i] /= total;
}

template <class A>
void sigmoid_all(std::vector<A>& values) {
  const hn::ScalableTag<A> d;
  for (size_t i = 0; i < values.size(); i += hn::Lanes(d)) {
    hn::StoreU(sigmoid(d, hn::LoadU(d, &values[i])), d, &values[i]);
  }
}

/// The first `chosen` of `order` become the indices of the largest values, the lowest index first
/// among equals. NaN is larger than everything, so that it is seen.
template <class A>
void choose_largest(const A* values, std::vector<int64_t>& order, int64_t chosen) {
  std::iota(order.begin(), order.end(), int64_t{0});
  std::partial_sort(order.begin(), order.begin() + chosen, order.end(), [&](int64_t a, int64_t b) {
    const bool a_is_nan = std::isnan(values[a]), b_is_nan = std::isnan(values[b]);
    if (a_is_nan != b_is_nan) return a_is_nan;
    if (!a_is_nan && values[a] != values[b]) return values[a] > values[b];
    return a < b;
  });
}

/// Routes one row after the other.
template <class A>
struct Router {
  Router(const RouteIn& in)
      : in(in),
        experts(in.logits_NE.size(1)),
        values(padded<A>(experts)),
        biased(experts),
        weights(padded<A>(in.experts_per_token)),
        of_groups(in.spec.num_groups),
        order(experts),
        group_order(in.spec.num_groups) {}

  /// Values of experts outside of the best groups become -inf.
  void keep_best_groups() {
    const int64_t size = experts / in.spec.num_groups;
    const bool by_two = in.spec.kind == RouterKind::Sigmoid && size > 1;
    for (int64_t g = 0; g < in.spec.num_groups; ++g) {
      std::vector<int64_t> best(size);
      choose_largest(&biased[g * size], best, by_two ? 2 : 1);
      of_groups[g] = biased[g * size + best[0]];
      if (by_two) of_groups[g] += biased[g * size + best[1]];
    }
    choose_largest(of_groups.data(), group_order, in.spec.num_groups);
    for (int64_t i = in.spec.top_groups; i < in.spec.num_groups; ++i) {
      std::fill_n(&biased[group_order[i] * size], size, -std::numeric_limits<A>::infinity());
    }
  }

  void weigh() {
    const int64_t k = in.experts_per_token;
    for (int64_t i = 0; i < k; ++i) weights[i] = values[order[i]];
    if (in.spec.kind == RouterKind::TopThenSoftmax) softmax(weights, k);
    if (in.spec.normalised) {
      A sum = in.spec.kind == RouterKind::Sigmoid ? A(sigmoid_sum_epsilon) : A(0);
      for (int64_t i = 0; i < k; ++i) sum += weights[i];
      for (int64_t i = 0; i < k; ++i) weights[i] /= sum;
    }
    for (int64_t i = 0; i < k; ++i) weights[i] *= static_cast<A>(in.spec.scale);
  }

  void run(const A* logits, int64_t* chosen, A* of_chosen) {
    std::copy_n(logits, experts, values.begin());
    if (in.spec.kind == RouterKind::SoftmaxThenTop) softmax(values, experts);
    if (in.spec.kind == RouterKind::Sigmoid) sigmoid_all(values);
    std::copy_n(values.begin(), experts, biased.begin());
    if (in.bias_E.defined()) {
      const A* bias = static_cast<const A*>(in.bias_E.const_data_ptr());
      for (int64_t e = 0; e < experts; ++e) biased[e] += bias[e];
    }
    if (in.spec.top_groups < in.spec.num_groups) keep_best_groups();
    choose_largest(biased.data(), order, in.experts_per_token);
    weigh();
    std::copy_n(order.begin(), in.experts_per_token, chosen);
    std::copy_n(weights.begin(), in.experts_per_token, of_chosen);
  }

  const RouteIn& in;
  int64_t experts;
  std::vector<A> values, biased, weights, of_groups;
  std::vector<int64_t> order, group_order;
};

template <class A>
void route_of(const RouteIn& in, Routes& routes) {
  const int64_t experts = in.logits_NE.size(1), k = in.experts_per_token;
  const A* logits = static_cast<const A*>(in.logits_NE.const_data_ptr());
  auto* chosen = routes.experts_Nk.mutable_data_ptr<int64_t>();
  A* weights = static_cast<A*>(routes.weights_Nk.mutable_data_ptr());
  at::parallel_for(0, in.logits_NE.size(0), 1 + 8192 / experts, [&](int64_t begin, int64_t end) {
    Router<A> router(in);
    for (int64_t n = begin; n < end; ++n) {
      router.run(logits + n * experts, chosen + n * k, weights + n * k);
    }
  });
}

void route_dispatch(const RouteIn& in, Routes& routes) {
  if (in.logits_NE.scalar_type() == at::kDouble) return route_of<double>(in, routes);
  route_of<float>(in, routes);
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hylo::kernels::cpu {
HWY_EXPORT(route_dispatch);
void route(const RouteIn& in, Routes& routes) { HWY_DYNAMIC_DISPATCH(route_dispatch)(in, routes); }
}  // namespace hylo::kernels::cpu
#endif
