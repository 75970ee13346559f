// What norms begin with. Included once per target.
#if defined(HYLO_KERNELS_CPU_SQUARES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef HYLO_KERNELS_CPU_SQUARES_INL
#undef HYLO_KERNELS_CPU_SQUARES_INL
#else
#define HYLO_KERNELS_CPU_SQUARES_INL
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {

/// Of a row that is padded with zeros to whole vectors; the order of the sum is fixed by the width.
template <class A>
HWY_INLINE A sum_of_squares(const A* HWY_RESTRICT x, int64_t padded_width) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<A> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto sum = hn::Zero(d);
  for (int64_t i = 0; i < padded_width; i += lanes) {
    const auto v = hn::LoadU(d, x + i);
    sum = hn::MulAdd(v, v, sum);
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
