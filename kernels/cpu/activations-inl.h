// Activations of vectors. Included once per target.
#if defined(HYLO_KERNELS_CPU_ACTIVATIONS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef HYLO_KERNELS_CPU_ACTIVATIONS_INL
#undef HYLO_KERNELS_CPU_ACTIVATIONS_INL
#else
#define HYLO_KERNELS_CPU_ACTIVATIONS_INL
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {

/// Highway's Exp is defined up to here; x / exp(largest) is as good as 0.
template <class A>
constexpr A largest_exponent = std::is_same_v<A, double> ? A(706) : A(104);

/// exp(x) for x that Highway's Exp is defined for; NaN, of which that makes 0, stays.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V exponential(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  return hn::IfThenElse(hn::Eq(x, x), hn::Exp(d, x), x);
}

/// 1 / (1 + exp(-x)); Highway's Exp makes 0 of NaN, which must stay one.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V sigmoid(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  using A = hn::TFromD<D>;
  const auto one = hn::Set(d, A(1));
  const auto exponent = hn::Min(hn::Neg(x), hn::Set(d, largest_exponent<A>));
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Div(one, hn::Add(one, hn::Exp(d, exponent))));
}

/// x / (1 + exp(-x)).
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V silu(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  using A = hn::TFromD<D>;
  const auto exponent = hn::Min(hn::Neg(x), hn::Set(d, largest_exponent<A>));
  return hn::Div(x, hn::Add(hn::Set(d, A(1)), hn::Exp(d, exponent)));
}

/// log(1 + exp(x)) as max(x, 0) + log(1 + exp(-|x|)), which neither overflows nor cancels.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V softplus(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const auto small = hn::Log1p(d, hn::Exp(d, hn::Neg(hn::Abs(x))));
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Add(hn::Max(x, hn::Zero(d)), small));
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
