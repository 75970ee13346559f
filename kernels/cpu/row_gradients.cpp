// With r = 1 / sqrt(mean(x^2) + epsilon), n = x r and g = dy weight:
//   dx = r (g - n mean(g n));   dweight = sum over rows of dy n
// With s = sigmoid(gate): dup = dy gate s;   dgate = dy up s (1 + gate (1 - s))
// Highway wants this order.
// clang-format off
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/row_gradients.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include "kernels/cpu/row_gradients.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/cpu/activations-inl.h"
#include "kernels/cpu/convert-inl.h"
#include "kernels/cpu/squares-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Buffers of one thread: rows of the width, padded with zeros to whole vectors.
template <class A>
struct NormRow {
  explicit NormRow(int64_t width)
      : step(padded<A>(width)), x(step), d_out(step), weight(step), d_x(step) {}
  int64_t step;
  std::vector<A> x, d_out, weight, d_x;
};

/// Normed x in row.x, the gradient of x in row.d_x; adds to that of the weight.
template <class A>
HWY_INLINE void flow_through_norm(NormRow<A>& row, int64_t width, A epsilon,
                                  A* HWY_RESTRICT d_weight) {
  const hn::ScalableTag<A> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const A mean = sum_of_squares(row.x.data(), row.step) / static_cast<A>(width);
  const auto r = hn::Set(d, A(1) / std::sqrt(mean + epsilon));
  auto sum = hn::Zero(d);
  for (int64_t c = 0; c < row.step; c += lanes) {
    const auto n = hn::Mul(hn::LoadU(d, &row.x[c]), r);
    const auto dy = hn::LoadU(d, &row.d_out[c]);
    const auto g = hn::Mul(dy, hn::LoadU(d, &row.weight[c]));
    hn::StoreU(hn::MulAdd(dy, n, hn::LoadU(d, d_weight + c)), d, d_weight + c);
    hn::StoreU(n, d, &row.x[c]);
    hn::StoreU(g, d, &row.d_x[c]);
    sum = hn::MulAdd(g, n, sum);
  }
  const auto mean_gn = hn::Set(d, hn::GetLane(hn::SumOfLanes(d, sum)) / static_cast<A>(width));
  for (int64_t c = 0; c < row.step; c += lanes) {
    const auto n = hn::LoadU(d, &row.x[c]), g = hn::LoadU(d, &row.d_x[c]);
    hn::StoreU(hn::Mul(r, hn::NegMulAdd(n, mean_gn, g)), d, &row.d_x[c]);
  }
}

template <class T>
void rms_norm_backward_of(const RmsNormIn& in, const at::Tensor& d_out,
                          RmsNormGradients& gradients) {
  using A = Compute<T>;
  const int64_t width = in.weight_D.numel(), num_rows = in.x.numel() / width;
  const T* x = static_cast<const T*>(in.x.const_data_ptr());
  const T* dy = static_cast<const T*>(d_out.const_data_ptr());
  const T* weight = static_cast<const T*>(in.weight_D.const_data_ptr());
  T* d_x = static_cast<T*>(gradients.x.mutable_data_ptr());
  A* d_weight = static_cast<A*>(gradients.weight_BD.mutable_data_ptr());
  at::parallel_for(0, gradients.weight_BD.size(0), 1, [&](int64_t begin, int64_t end) {
    NormRow<A> row(width);
    widen(weight, row.weight.data(), width);
    if (in.zero_centred) {
      for (int64_t c = 0; c < width; ++c) row.weight[c] += 1;
    }
    std::vector<A> sums(row.step);
    for (int64_t b = begin; b < end; ++b) {
      std::fill(sums.begin(), sums.end(), A(0));
      for (int64_t r = b * norm_block_rows; r < std::min(num_rows, (b + 1) * norm_block_rows);
           ++r) {
        widen(x + r * width, row.x.data(), width);
        // A row that is not a number leaves its own behind the width.
        std::fill(row.x.begin() + width, row.x.end(), A(0));
        widen(dy + r * width, row.d_out.data(), width);
        flow_through_norm(row, width, static_cast<A>(in.epsilon), sums.data());
        narrow<T>(row.d_x.data(), d_x + r * width, width);
      }
      std::copy_n(sums.begin(), width, d_weight + b * width);
    }
  });
}

template <class T>
void swiglu_backward_of(const SwiGluIn& in, const at::Tensor& d_out_NF,
                        SwiGluGradients& gradients) {
  using A = Compute<T>;
  const hn::ScalableTag<A> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const T* gate = static_cast<const T*>(in.gate_NF.const_data_ptr());
  const T* up = static_cast<const T*>(in.up_NF.const_data_ptr());
  const T* d_out = static_cast<const T*>(d_out_NF.const_data_ptr());
  T* d_gate = static_cast<T*>(gradients.gate_NF.mutable_data_ptr());
  T* d_up = static_cast<T*>(gradients.up_NF.mutable_data_ptr());
  at::parallel_for(0, in.gate_NF.numel(), 16384, [&](int64_t begin, int64_t end) {
    HWY_ALIGN A a[HWY_MAX_BYTES / sizeof(A)] = {}, b[HWY_MAX_BYTES / sizeof(A)] = {},
                                  dy[HWY_MAX_BYTES / sizeof(A)] = {};
    const auto one = hn::Set(d, A(1));
    for (int64_t i = begin; i < end; i += lanes) {
      const int64_t n = std::min(lanes, end - i);
      widen(gate + i, a, n);
      widen(up + i, b, n);
      widen(d_out + i, dy, n);
      const auto x = hn::Load(d, a), wanted = hn::Load(d, dy), s = sigmoid(d, x);
      const auto slope = hn::Mul(s, hn::MulAdd(x, hn::Sub(one, s), one));
      hn::Store(hn::Mul(hn::Mul(wanted, hn::Load(d, b)), slope), d, b);
      hn::Store(hn::Mul(wanted, hn::Mul(x, s)), d, a);
      narrow<T>(b, d_gate + i, n);
      narrow<T>(a, d_up + i, n);
    }
  });
}

void rms_norm_backward_dispatch(const RmsNormIn& in, const at::Tensor& d_out,
                                RmsNormGradients& gradients) {
  for_type("rms_norm", in.x.scalar_type(),
           [&](auto t) { return rms_norm_backward_of<decltype(t)>(in, d_out, gradients); });
}

void swiglu_backward_dispatch(const SwiGluIn& in, const at::Tensor& d_out_NF,
                              SwiGluGradients& gradients) {
  for_type("swiglu", in.gate_NF.scalar_type(),
           [&](auto t) { return swiglu_backward_of<decltype(t)>(in, d_out_NF, gradients); });
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hylo::kernels::cpu {
HWY_EXPORT(rms_norm_backward_dispatch);
HWY_EXPORT(swiglu_backward_dispatch);
void rms_norm_backward(const RmsNormIn& in, const at::Tensor& d_out, RmsNormGradients& gradients) {
  HWY_DYNAMIC_DISPATCH(rms_norm_backward_dispatch)(in, d_out, gradients);
}
void swiglu_backward(const SwiGluIn& in, const at::Tensor& d_out_NF, SwiGluGradients& gradients) {
  HWY_DYNAMIC_DISPATCH(swiglu_backward_dispatch)(in, d_out_NF, gradients);
}
}  // namespace hylo::kernels::cpu
#endif
