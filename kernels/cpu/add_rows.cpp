// Highway wants this order.
// clang-format off
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/add_rows.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include "kernels/cpu/add_rows.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "kernels/cpu/convert-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// sum += weight * y, all elements by the same instructions. y is padded.
template <class A>
HWY_INLINE void add_row(A weight, const A* HWY_RESTRICT y, A* HWY_RESTRICT sum, int64_t width) {
  const hn::ScalableTag<A> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto w = hn::Set(d, weight);
  int64_t i = 0;
  for (; i + lanes <= width; i += lanes) {
    hn::StoreU(hn::MulAdd(w, hn::LoadU(d, y + i), hn::LoadU(d, sum + i)), d, sum + i);
  }
  if (i == width) return;
  HWY_ALIGN A last[HWY_MAX_BYTES / sizeof(A)] = {};
  std::copy(sum + i, sum + width, last);
  hn::Store(hn::MulAdd(w, hn::LoadU(d, y + i), hn::Load(d, last)), d, last);
  std::copy_n(last, width - i, sum + i);
}

template <class T>
void add_rows_of(const AddRowsIn& in, at::Tensor& sum_ND) {
  using A = Compute<T>;
  const int64_t width = in.y_MD.size(1);
  const T* y = static_cast<const T*>(in.y_MD.const_data_ptr());
  const A* weights = static_cast<const A*>(in.weights_M.const_data_ptr());
  const auto* rows = in.rows_M.const_data_ptr<int64_t>();
  A* sum = static_cast<A*>(sum_ND.mutable_data_ptr());
  at::parallel_for(0, in.y_MD.size(0), 1 + 32768 / (1 + width), [&](int64_t begin, int64_t end) {
    std::vector<A> row(padded<A>(width));
    for (int64_t m = begin; m < end; ++m) {
      widen(y + m * width, row.data(), width);
      add_row(weights[m], row.data(), sum + rows[m] * width, width);
    }
  });
}

void add_rows_dispatch(const AddRowsIn& in, at::Tensor& sum_ND) {
  for_type("add_weighted", in.y_MD.scalar_type(),
           [&](auto t) { return add_rows_of<decltype(t)>(in, sum_ND); });
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hylo::kernels::cpu {
HWY_EXPORT(add_rows_dispatch);
void add_rows(const AddRowsIn& in, at::Tensor& sum_ND) {
  HWY_DYNAMIC_DISPATCH(add_rows_dispatch)(in, sum_ND);
}
}  // namespace hylo::kernels::cpu
#endif
