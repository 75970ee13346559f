// Highway wants this order.
// clang-format off
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/rotary.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include <ATen/Parallel.h>

#include "kernels/cpu/convert-inl.h"
#include "kernels/cpu/rows.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {

template <class T>
void rotary_of(const RotaryIn& in, at::Tensor& out_NHK) {
  using A = Compute<T>;
  const int64_t heads = in.x_NHK.size(1), width = in.x_NHK.size(2), pairs = in.cos_NP.size(1);
  const int64_t step = in.interleaved ? 2 : 1, second = in.interleaved ? 1 : pairs;
  const T* x = static_cast<const T*>(in.x_NHK.const_data_ptr());
  T* y = static_cast<T*>(out_NHK.mutable_data_ptr());
  const A* cos = static_cast<const A*>(in.cos_NP.const_data_ptr());
  const A* sin = static_cast<const A*>(in.sin_NP.const_data_ptr());
  at::parallel_for(0, in.x_NHK.size(0), 1 + 32768 / (heads * width),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t n = begin; n < end; ++n) {
                       const A* c = cos + n * pairs;
                       const A* s = sin + n * pairs;
                       for (int64_t h = 0; h < heads; ++h) {
                         const T* HWY_RESTRICT from = x + (n * heads + h) * width;
                         T* HWY_RESTRICT to = y + (n * heads + h) * width;
                         for (int64_t i = 0; i < pairs; ++i) {
                           const A a = static_cast<A>(from[i * step]);
                           const A b = static_cast<A>(from[i * step + second]);
                           to[i] = rounded<T>(a * c[i] - b * s[i]);
                           to[i + pairs] = rounded<T>(b * c[i] + a * s[i]);
                         }
                         for (int64_t i = 2 * pairs; i < width; ++i) to[i] = from[i];
                       }
                     }
                   });
}

void rotary_dispatch(const RotaryIn& in, at::Tensor& out_NHK) {
  for_type("rotary", in.x_NHK.scalar_type(),
           [&](auto t) { return rotary_of<decltype(t)>(in, out_NHK); });
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hylo::kernels::cpu {
HWY_EXPORT(rotary_dispatch);
void rotary(const RotaryIn& in, at::Tensor& out_NHK) {
  HWY_DYNAMIC_DISPATCH(rotary_dispatch)(in, out_NHK);
}
}  // namespace hylo::kernels::cpu
#endif
