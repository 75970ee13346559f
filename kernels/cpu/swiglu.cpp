// Highway wants this order.
// clang-format off
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/swiglu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include <ATen/Parallel.h>

#include "kernels/cpu/activations-inl.h"
#include "kernels/cpu/convert-inl.h"
#include "kernels/cpu/rows.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
void swiglu_of(const SwiGluIn& in, at::Tensor& out_NF) {
  using A = Compute<T>;
  const hn::ScalableTag<A> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const T* gate = static_cast<const T*>(in.gate_NF.const_data_ptr());
  const T* up = static_cast<const T*>(in.up_NF.const_data_ptr());
  T* out = static_cast<T*>(out_NF.mutable_data_ptr());
  at::parallel_for(0, in.gate_NF.numel(), 16384, [&](int64_t begin, int64_t end) {
    HWY_ALIGN A g[HWY_MAX_BYTES / sizeof(A)] = {};
    for (int64_t i = begin; i < end; i += lanes) {
      const int64_t n = std::min(lanes, end - i);
      widen(gate + i, g, n);
      hn::Store(silu(d, hn::Load(d, g)), d, g);
      for (int64_t j = 0; j < n; ++j) {
        out[i + j] = rounded<T>(static_cast<A>(rounded<T>(g[j])) * static_cast<A>(up[i + j]));
      }
    }
  });
}

void swiglu_dispatch(const SwiGluIn& in, at::Tensor& out_NF) {
  for_type("swiglu", in.gate_NF.scalar_type(),
           [&](auto t) { return swiglu_of<decltype(t)>(in, out_NF); });
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hylo::kernels::cpu {
HWY_EXPORT(swiglu_dispatch);
void swiglu(const SwiGluIn& in, at::Tensor& out_NF) {
  HWY_DYNAMIC_DISPATCH(swiglu_dispatch)(in, out_NF);
}
}  // namespace hylo::kernels::cpu
#endif
