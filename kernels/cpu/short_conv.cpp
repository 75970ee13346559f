// Highway wants this order.
// clang-format off
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/short_conv.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include "kernels/cpu/short_conv.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "kernels/cpu/activations-inl.h"
#include "kernels/cpu/convert-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// sums[d] += weights[d] * x[d], and the activation of the sums.
template <class A>
HWY_INLINE void add_products(const A* HWY_RESTRICT weights, const A* HWY_RESTRICT x,
                             A* HWY_RESTRICT sums, int64_t padded_width) {
  const hn::ScalableTag<A> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < padded_width; i += lanes) {
    hn::StoreU(hn::MulAdd(hn::LoadU(d, weights + i), hn::LoadU(d, x + i), hn::LoadU(d, sums + i)),
               d, sums + i);
  }
}
template <class A>
HWY_INLINE void silu_all(A* HWY_RESTRICT values, int64_t padded_width) {
  const hn::ScalableTag<A> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < padded_width; i += lanes) {
    hn::StoreU(silu(d, hn::LoadU(d, values + i)), d, values + i);
  }
}

/// One row of one sequence.
template <class T>
struct Row {
  using A = Compute<T>;
  const ShortConvIn& in;
  int64_t taps, channels;

  /// Input number `position` of sequence b; negative ones are in its tail.
  const T* input(int64_t b, int64_t position) const {
    if (position < 0) {
      const T* tail = static_cast<const T*>(in.tail_BCD.const_data_ptr());
      const int64_t slot = in.slots.empty() ? b : in.slots[b];
      return tail + slot * in.tail_BCD.stride(0) + (taps - 1 + position) * in.tail_BCD.stride(1);
    }
    return static_cast<const T*>(in.x_ND.const_data_ptr()) +
           (in.sequences[b].first_row + position) * in.x_ND.stride(0);
  }

  const A* weights_of(int64_t row, int64_t tap, const A* shared, std::vector<A>& own) const {
    if (in.weight_DC.defined()) return shared + tap * static_cast<int64_t>(own.size());
    const T* all = static_cast<const T*>(in.weight_NDC.const_data_ptr()) + row * channels * taps;
    for (int64_t i = 0; i < channels; ++i) own[i] = static_cast<A>(all[i * taps + tap]);
    return own.data();
  }
};

/// Taps [C, D] in the type that computes, each padded to `width`. As much work as half a row of the
/// convolution, so that it can be done at every call.
template <class T>
std::vector<Compute<T>> turned_taps(const at::Tensor& weight_DC, int64_t width) {
  const int64_t channels = weight_DC.size(0), taps = weight_DC.size(1);
  const T* from = static_cast<const T*>(weight_DC.const_data_ptr());
  std::vector<Compute<T>> to(taps * width);
  for (int64_t c = 0; c < taps; ++c) {
    auto* row = to.data() + c * width;
    for (int64_t i = 0; i < channels; ++i) row[i] = static_cast<Compute<T>>(from[i * taps + c]);
  }
  return to;
}

template <class T>
void short_conv_of(const ShortConvIn& in, at::Tensor& out_ND) {
  using A = Compute<T>;
  const int64_t channels = in.x_ND.size(1);
  const int64_t taps = in.weight_DC.defined() ? in.weight_DC.size(1) : in.weight_NDC.size(2);
  const int64_t width = padded<A>(channels);
  std::vector<A> shared, bias(width);
  if (in.weight_DC.defined()) shared = turned_taps<T>(in.weight_DC, width);
  if (in.bias_D.defined()) {
    widen(static_cast<const T*>(in.bias_D.const_data_ptr()), bias.data(), channels);
  }
  const Row<T> row{in, taps, channels};
  T* out = static_cast<T*>(out_ND.mutable_data_ptr());
  for (int64_t b = 0; b < static_cast<int64_t>(in.sequences.size()); ++b) {
    const auto& rows = in.sequences[b];
    at::parallel_for(0, rows.num_rows, 1 + 32768 / (channels * taps),
                     [&](int64_t begin, int64_t end) {
                       std::vector<A> sums(width), x(width), own(width);
                       for (int64_t t = begin; t < end; ++t) {
                         std::copy(bias.begin(), bias.end(), sums.begin());
                         for (int64_t c = 0; c < taps; ++c) {
                           widen(row.input(b, t - taps + 1 + c), x.data(), channels);
                           add_products(row.weights_of(rows.first_row + t, c, shared.data(), own),
                                        x.data(), sums.data(), width);
                         }
                         if (in.activation == ConvActivation::Silu) silu_all(sums.data(), width);
                         narrow<T>(sums.data(), out + (rows.first_row + t) * channels, channels);
                       }
                     });
  }
}

void short_conv_dispatch(const ShortConvIn& in, at::Tensor& out_ND) {
  for_type("causal_conv", in.x_ND.scalar_type(),
           [&](auto t) { return short_conv_of<decltype(t)>(in, out_ND); });
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hylo::kernels::cpu {
HWY_EXPORT(short_conv_dispatch);
void short_conv(const ShortConvIn& in, at::Tensor& out_ND) {
  HWY_DYNAMIC_DISPATCH(short_conv_dispatch)(in, out_ND);
}
}  // namespace hylo::kernels::cpu
#endif
