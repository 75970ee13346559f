// Highway wants this order.
// clang-format off
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/rms_norm.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include <ATen/Parallel.h>

#include <cmath>
#include <vector>

#include "kernels/cpu/convert-inl.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/squares-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {

template <class T>
void rms_norm_of(const RmsNormIn& in, at::Tensor& out) {
  using A = Compute<T>;
  const int64_t width = in.weight_D.numel(), num_rows = in.x.numel() / width;
  const T* x = static_cast<const T*>(in.x.const_data_ptr());
  const T* weight = static_cast<const T*>(in.weight_D.const_data_ptr());
  T* y = static_cast<T*>(out.mutable_data_ptr());
  const A offset = in.zero_centred ? 1 : 0;
  at::parallel_for(0, num_rows, 1 + 65536 / width, [&](int64_t begin, int64_t end) {
    std::vector<A> row(padded<A>(width));
    for (int64_t r = begin; r < end; ++r) {
      widen(x + r * width, row.data(), width);
      const A mean =
          sum_of_squares(row.data(), static_cast<int64_t>(row.size())) / static_cast<A>(width);
      const A scale = A(1) / std::sqrt(mean + static_cast<A>(in.epsilon));
      for (int64_t i = 0; i < width; ++i) {
        const A normed = row[i] * scale;
        const A factor = offset + static_cast<A>(weight[i]);
        y[r * width + i] =
            rounded<T>((in.rounded_once ? normed : static_cast<A>(rounded<T>(normed))) * factor);
      }
    }
  });
}

void rms_norm_dispatch(const RmsNormIn& in, at::Tensor& out) {
  for_type("rms_norm", in.x.scalar_type(),
           [&](auto t) { return rms_norm_of<decltype(t)>(in, out); });
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hylo::kernels::cpu {
HWY_EXPORT(rms_norm_dispatch);
void rms_norm(const RmsNormIn& in, at::Tensor& out) {
  HWY_DYNAMIC_DISPATCH(rms_norm_dispatch)(in, out);
}
}  // namespace hylo::kernels::cpu
#endif
