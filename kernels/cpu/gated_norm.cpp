// Highway wants this order.
// clang-format off
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/gated_norm.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include "kernels/cpu/gated_norm.h"

#include <ATen/Parallel.h>

#include <cmath>
#include <vector>

#include "kernels/cpu/activations-inl.h"
#include "kernels/cpu/convert-inl.h"
#include "kernels/cpu/squares-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class A>
HWY_INLINE void activate(GateActivation activation, A* HWY_RESTRICT gate, int64_t padded_width) {
  const hn::ScalableTag<A> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < padded_width; i += lanes) {
    const auto v = hn::LoadU(d, gate + i);
    hn::StoreU(activation == GateActivation::Silu ? silu(d, v) : sigmoid(d, v), d, gate + i);
  }
}

/// One group of channels of one row. Buffers are padded with zeros to whole vectors.
template <class T>
struct Group {
  using A = Compute<T>;
  Group(const GatedNormIn& in)
      : in(in), padded_width(padded<A>(in.group)), x(padded_width), gate(padded_width) {}

  void run(const T* from, const T* raw_gate, const T* weight, T* to) {
    widen(from, x.data(), in.group);
    widen(raw_gate, gate.data(), in.group);
    activate(in.activation, gate.data(), padded_width);
    const bool gate_first = in.order == GateOrder::GateThenNorm;
    if (gate_first) {
      for (int64_t i = 0; i < in.group; ++i) x[i] *= gate[i];
    }
    const A mean = sum_of_squares(x.data(), padded_width) / static_cast<A>(in.group);
    const A scale = A(1) / std::sqrt(mean + static_cast<A>(in.epsilon));
    for (int64_t i = 0; i < in.group; ++i) {
      const A normed = x[i] * scale * static_cast<A>(weight[i]);
      to[i] = rounded<T>(gate_first ? normed : normed * gate[i]);
    }
  }

  const GatedNormIn& in;
  int64_t padded_width;
  std::vector<A> x, gate;
};

template <class T>
void gated_norm_of(const GatedNormIn& in, at::Tensor& out_ND) {
  const int64_t width = in.x_ND.size(1), groups = width / in.group;
  const T* x = static_cast<const T*>(in.x_ND.const_data_ptr());
  const T* gate = static_cast<const T*>(in.gate_ND.const_data_ptr());
  const T* weight = static_cast<const T*>(in.weight.const_data_ptr());
  const int64_t weight_step = in.weight.numel() == in.group ? 0 : in.group;
  T* out = static_cast<T*>(out_ND.mutable_data_ptr());
  at::parallel_for(0, in.x_ND.size(0), 1 + 32768 / width, [&](int64_t begin, int64_t end) {
    Group<T> group(in);
    for (int64_t n = begin; n < end; ++n) {
      for (int64_t g = 0; g < groups; ++g) {
        const int64_t first = g * in.group;
        group.run(x + n * in.x_ND.stride(0) + first, gate + n * in.gate_ND.stride(0) + first,
                  weight + g * weight_step, out + n * width + first);
      }
    }
  });
}

template <class T>
void l2_norm_of(const at::Tensor& in_MK, double epsilon, at::Tensor& out_MK) {
  using A = Compute<T>;
  const int64_t width = in_MK.size(1);
  const T* x = static_cast<const T*>(in_MK.const_data_ptr());
  T* out = static_cast<T*>(out_MK.mutable_data_ptr());
  at::parallel_for(0, in_MK.size(0), 1 + 65536 / width, [&](int64_t begin, int64_t end) {
    std::vector<A> row(padded<A>(width));
    for (int64_t m = begin; m < end; ++m) {
      widen(x + m * width, row.data(), width);
      const A squares = sum_of_squares(row.data(), static_cast<int64_t>(row.size()));
      const A scale = A(1) / std::sqrt(squares + static_cast<A>(epsilon));
      for (int64_t i = 0; i < width; ++i) out[m * width + i] = rounded<T>(row[i] * scale);
    }
  });
}

void gated_norm_dispatch(const GatedNormIn& in, at::Tensor& out_ND) {
  for_type("gated_norm", in.x_ND.scalar_type(),
           [&](auto t) { return gated_norm_of<decltype(t)>(in, out_ND); });
}

void l2_norm_dispatch(const at::Tensor& in_MK, double epsilon, at::Tensor& out_MK) {
  for_type("l2_norm", in_MK.scalar_type(),
           [&](auto t) { return l2_norm_of<decltype(t)>(in_MK, epsilon, out_MK); });
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hylo::kernels::cpu {
HWY_EXPORT(gated_norm_dispatch);
HWY_EXPORT(l2_norm_dispatch);
void gated_norm(const GatedNormIn& in, at::Tensor& out_ND) {
  HWY_DYNAMIC_DISPATCH(gated_norm_dispatch)(in, out_ND);
}
void l2_norm(const at::Tensor& in_MK, double epsilon, at::Tensor& out_MK) {
  HWY_DYNAMIC_DISPATCH(l2_norm_dispatch)(in_MK, epsilon, out_MK);
}
}  // namespace hylo::kernels::cpu
#endif
