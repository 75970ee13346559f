// Rows of any floating type to and from the type in which a kernel computes. Included once per
// target.
#if defined(HYLO_KERNELS_CPU_CONVERT_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef HYLO_KERNELS_CPU_CONVERT_INL
#undef HYLO_KERNELS_CPU_CONVERT_INL
#else
#define HYLO_KERNELS_CPU_CONVERT_INL
#endif

#include <c10/core/ScalarType.h>
#include <c10/util/BFloat16.h>
#include <hwy/highway.h>

#include <cstdint>
#include <type_traits>

#include "harness/base/error.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {

/// float64 computes in float64, everything else in float32.
template <class T>
using Compute = std::conditional_t<std::is_same_v<T, double>, double, float>;

/// use(T()) for the floating types that are served. Throws Error, in the name of `op`, for others.
template <class Use>
decltype(auto) for_type(const char* op, at::ScalarType type, Use&& use) {
  switch (type) {
    case at::kFloat:
      return use(float());
    case at::kDouble:
      return use(double());
    case at::kBFloat16:
      return use(c10::BFloat16());
    default:
      fail("{}: float32, float64 and bfloat16 are served, found {}", op, c10::toString(type));
  }
}

/// Rows are short (heads of 8 or 64), and a call of memcpy for each would cost more than they do.
template <class A>
HWY_INLINE void copy_row(const A* HWY_RESTRICT from, A* HWY_RESTRICT to, int64_t n) {
  const hwy::HWY_NAMESPACE::ScalableTag<A> d;
  const auto lanes = static_cast<int64_t>(hwy::HWY_NAMESPACE::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hwy::HWY_NAMESPACE::StoreU(hwy::HWY_NAMESPACE::LoadU(d, from + i), d, to + i);
  }
  if (i == n) return;
  const auto rest = hwy::HWY_NAMESPACE::FirstN(d, static_cast<size_t>(n - i));
  hwy::HWY_NAMESPACE::BlendedStore(hwy::HWY_NAMESPACE::MaskedLoad(rest, d, from + i), rest, d,
                                   to + i);
}

template <class T>
HWY_INLINE void widen(const T* HWY_RESTRICT from, Compute<T>* HWY_RESTRICT to, int64_t n) {
  if constexpr (std::is_same_v<T, Compute<T>>) {
    copy_row(from, to, n);
  } else {
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<Compute<T>>(from[i]);
  }
}

template <class T>
HWY_INLINE void narrow(const Compute<T>* HWY_RESTRICT from, T* HWY_RESTRICT to, int64_t n) {
  if constexpr (std::is_same_v<T, Compute<T>>) {
    copy_row(from, to, n);
  } else {
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<T>(from[i]);
  }
}

template <class T>
HWY_INLINE T rounded(Compute<T> value) {
  return static_cast<T>(value);
}

/// Widths are padded to whole vectors with zeros, so that inner loops have no tail.
template <class A>
HWY_INLINE int64_t padded(int64_t n) {
  const auto lanes =
      static_cast<int64_t>(hwy::HWY_NAMESPACE::Lanes(hwy::HWY_NAMESPACE::ScalableTag<A>()));
  return (n + lanes - 1) / lanes * lanes;
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
