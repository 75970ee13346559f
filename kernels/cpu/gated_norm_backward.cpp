// With a = activation(gate), u = x or x a, r = 1 / sqrt(mean(u^2) + epsilon), n = u r:
//   norm, then gate:  out = n weight a;  dn = dy weight a, da = dy weight n, dweight = dy a n
//   gate, then norm:  out = n weight;    dn = dy weight,   da = x du,        dweight = dy n
//   du = r (dn - n mean(dn n));   dx = du, or du a;   dgate = da activation'(gate)
// A unit vector y = x / sqrt(sum of squares + epsilon): dx = r (dy - y sum(dy y)).
// Highway wants this order.
// clang-format off
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/gated_norm_backward.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/cpu/activations-inl.h"
#include "kernels/cpu/convert-inl.h"
#include "kernels/cpu/gated_norm.h"
#include "kernels/cpu/row_gradients.h"
#include "kernels/cpu/squares-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// One group of channels of one row. Buffers are padded with zeros to whole vectors.
template <class A>
class GroupGradient {
 public:
  using D = hn::ScalableTag<A>;
  using V = hn::Vec<D>;
  explicit GroupGradient(const GatedNormIn& in)
      : x(padded<A>(in.group)),
        gate(x.size()),
        d_out(x.size()),
        gate_first_(in.order == GateOrder::GateThenNorm),
        activation_(in.activation),
        width_(in.group),
        epsilon_(static_cast<A>(in.epsilon)),
        step_(padded<A>(in.group)),
        active_(step_),
        slope_(step_) {}

  std::vector<A> x, gate, d_out;

  /// In place: gradients of x and of the gate stand in `x` and `gate` afterwards.
  void run(const A* HWY_RESTRICT weight, A* HWY_RESTRICT d_weight) {
    activate();
    const A mean = mean_square();
    const auto r = hn::Set(d_, A(1) / std::sqrt(mean + epsilon_));
    auto sum = hn::Zero(d_);
    for_each_vector([&](int64_t i) {
      const auto w = hn::LoadU(d_, weight + i), dy = hn::LoadU(d_, &d_out[i]);
      const auto n = hn::Mul(input_of_norm(i), r);
      const auto outer = gate_first_ ? dy : hn::Mul(dy, hn::LoadU(d_, &active_[i]));
      hn::StoreU(hn::MulAdd(outer, n, hn::LoadU(d_, d_weight + i)), d_, d_weight + i);
      sum = hn::MulAdd(hn::Mul(outer, w), n, sum);
    });
    const auto mean_gn = hn::Set(d_, hn::GetLane(hn::SumOfLanes(d_, sum)) / static_cast<A>(width_));
    for_each_vector([&](int64_t i) { flow_back(i, hn::LoadU(d_, weight + i), r, mean_gn); });
  }

 private:
  template <class Use>
  void for_each_vector(Use&& use) const {
    const auto lanes = static_cast<int64_t>(hn::Lanes(d_));
    for (int64_t i = 0; i < step_; i += lanes) use(i);
  }

  void activate() {
    const auto one = hn::Set(d_, A(1));
    for_each_vector([&](int64_t i) {
      const auto g = hn::LoadU(d_, &gate[i]), s = sigmoid(d_, g), falling = hn::Sub(one, s);
      const bool is_silu = activation_ == GateActivation::Silu;
      hn::StoreU(is_silu ? hn::Mul(g, s) : s, d_, &active_[i]);
      hn::StoreU(hn::Mul(s, is_silu ? hn::MulAdd(g, falling, one) : falling), d_, &slope_[i]);
    });
  }

  [[nodiscard]] V input_of_norm(int64_t i) const {
    const auto v = hn::LoadU(d_, &x[i]);
    return gate_first_ ? hn::Mul(v, hn::LoadU(d_, &active_[i])) : v;
  }
  [[nodiscard]] A mean_square() const {
    auto sum = hn::Zero(d_);
    for_each_vector([&](int64_t i) {
      const auto u = input_of_norm(i);
      sum = hn::MulAdd(u, u, sum);
    });
    return hn::GetLane(hn::SumOfLanes(d_, sum)) / static_cast<A>(width_);
  }

  void flow_back(int64_t i, V weight, V r, V mean_gn) {
    const auto dy = hn::LoadU(d_, &d_out[i]), a = hn::LoadU(d_, &active_[i]);
    const auto n = hn::Mul(input_of_norm(i), r), weighted = hn::Mul(dy, weight);
    const auto dn = gate_first_ ? weighted : hn::Mul(weighted, a);
    const auto du = hn::Mul(r, hn::NegMulAdd(n, mean_gn, dn));
    const auto da = gate_first_ ? hn::Mul(hn::LoadU(d_, &x[i]), du) : hn::Mul(weighted, n);
    hn::StoreU(hn::Mul(da, hn::LoadU(d_, &slope_[i])), d_, &gate[i]);
    hn::StoreU(gate_first_ ? hn::Mul(du, a) : du, d_, &x[i]);
  }

  bool gate_first_;
  GateActivation activation_;
  int64_t width_;
  A epsilon_;
  int64_t step_;
  D d_;
  std::vector<A> active_, slope_;
};

template <class T>
void gated_norm_backward_of(const GatedNormIn& in, const at::Tensor& d_out_ND,
                            GatedNormGradients& gradients) {
  using A = Compute<T>;
  const int64_t num_rows = in.x_ND.size(0), width = in.x_ND.size(1), groups = width / in.group;
  const bool is_shared = in.weight.numel() == in.group;
  const int64_t step = padded<A>(in.group), sets = is_shared ? 1 : groups;
  const T* weight = static_cast<const T*>(in.weight.const_data_ptr());
  const T* x = static_cast<const T*>(in.x_ND.const_data_ptr());
  const T* gate = static_cast<const T*>(in.gate_ND.const_data_ptr());
  const T* d_out = static_cast<const T*>(d_out_ND.const_data_ptr());
  T* d_x = static_cast<T*>(gradients.x_ND.mutable_data_ptr());
  T* d_gate = static_cast<T*>(gradients.gate_ND.mutable_data_ptr());
  A* d_weight = static_cast<A*>(gradients.weight_BD.mutable_data_ptr());
  at::parallel_for(0, gradients.weight_BD.size(0), 1, [&](int64_t begin, int64_t end) {
    GroupGradient<A> group(in);
    std::vector<A> weights(sets * step), sums(sets * step);
    for (int64_t s = 0; s < sets; ++s) widen(weight + s * in.group, &weights[s * step], in.group);
    const auto load = [&](const T* from, std::vector<A>& to) {
      widen(from, to.data(), in.group);
      // A row that is not a number leaves its own behind the group.
      std::fill(to.begin() + in.group, to.end(), A(0));
    };
    for (int64_t b = begin; b < end; ++b) {
      std::fill(sums.begin(), sums.end(), A(0));
      const int64_t last = std::min(num_rows, (b + 1) * norm_block_rows);
      for (int64_t n = b * norm_block_rows; n < last; ++n) {
        for (int64_t g = 0; g < groups; ++g) {
          const int64_t first = g * in.group, set = is_shared ? 0 : g * step;
          load(x + n * in.x_ND.stride(0) + first, group.x);
          load(gate + n * in.gate_ND.stride(0) + first, group.gate);
          load(d_out + n * d_out_ND.stride(0) + first, group.d_out);
          group.run(&weights[set], &sums[set]);
          narrow<T>(group.x.data(), d_x + n * width + first, in.group);
          narrow<T>(group.gate.data(), d_gate + n * width + first, in.group);
        }
      }
      for (int64_t s = 0; s < sets; ++s) {
        copy_row(&sums[s * step], d_weight + (b * sets + s) * in.group, in.group);
      }
    }
  });
}

template <class T>
void l2_norm_backward_of(const L2NormRows& in, at::Tensor& d_x_MK) {
  using A = Compute<T>;
  const hn::ScalableTag<A> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t width = in.x_MK.size(1), step = padded<A>(width);
  const T* x = static_cast<const T*>(in.x_MK.const_data_ptr());
  const T* d_out = static_cast<const T*>(in.d_out_MK.const_data_ptr());
  T* d_x = static_cast<T*>(d_x_MK.mutable_data_ptr());
  at::parallel_for(0, in.x_MK.size(0), 1 + 65536 / width, [&](int64_t begin, int64_t end) {
    std::vector<A> row(step), wanted(step);
    for (int64_t m = begin; m < end; ++m) {
      widen(x + m * width, row.data(), width);
      widen(d_out + m * width, wanted.data(), width);
      const A squares = sum_of_squares(row.data(), step);
      const auto r = hn::Set(d, A(1) / std::sqrt(squares + static_cast<A>(in.epsilon)));
      auto sum = hn::Zero(d);
      for (int64_t i = 0; i < step; i += lanes) {
        const auto y = hn::Mul(hn::LoadU(d, &row[i]), r);
        hn::StoreU(y, d, &row[i]);
        sum = hn::MulAdd(hn::LoadU(d, &wanted[i]), y, sum);
      }
      const auto along = hn::Set(d, hn::GetLane(hn::SumOfLanes(d, sum)));
      for (int64_t i = 0; i < step; i += lanes) {
        const auto across = hn::NegMulAdd(hn::LoadU(d, &row[i]), along, hn::LoadU(d, &wanted[i]));
        hn::StoreU(hn::Mul(r, across), d, &row[i]);
      }
      narrow<T>(row.data(), d_x + m * width, width);
      std::fill(row.begin() + width, row.end(), A(0));
    }
  });
}

void gated_norm_backward_dispatch(const GatedNormIn& in, const at::Tensor& d_out_ND,
                                  GatedNormGradients& gradients) {
  for_type("gated_norm", in.x_ND.scalar_type(),
           [&](auto t) { return gated_norm_backward_of<decltype(t)>(in, d_out_ND, gradients); });
}

void l2_norm_backward_dispatch(const L2NormRows& in, at::Tensor& d_x_MK) {
  for_type("l2_norm", in.x_MK.scalar_type(),
           [&](auto t) { return l2_norm_backward_of<decltype(t)>(in, d_x_MK); });
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hylo::kernels::cpu {
HWY_EXPORT(gated_norm_backward_dispatch);
HWY_EXPORT(l2_norm_backward_dispatch);
void gated_norm_backward(const GatedNormIn& in, const at::Tensor& d_out_ND,
                         GatedNormGradients& gradients) {
  HWY_DYNAMIC_DISPATCH(gated_norm_backward_dispatch)(in, d_out_ND, gradients);
}
void l2_norm_backward(const L2NormRows& in, at::Tensor& d_x_MK) {
  HWY_DYNAMIC_DISPATCH(l2_norm_backward_dispatch)(in, d_x_MK);
}
}  // namespace hylo::kernels::cpu
#endif
