// Elements go through whole vectors in blocks, the last one padded, so that all of them take the
// same instructions.
// Highway wants this order.
// clang-format off
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/activations.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include "kernels/cpu/activations.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "kernels/cpu/activations-inl.h"
#include "kernels/cpu/convert-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// A multiple of every vector's lanes.
constexpr int64_t block = 256;
/// Elements that are worth waking a thread for.
constexpr int64_t elements_of_a_task = 16384;

/// n elements of a block in the type that computes; behind them, whatever is left of earlier ones.
template <class A>
struct alignas(HWY_MAX_BYTES) Block {
  A at[block] = {};
};

/// into[i] = function(d, into[i], i) for the vectors that hold the first n elements.
template <class A, class Function>
HWY_INLINE void map(Block<A>& into, int64_t n, Function&& function) {
  const hn::ScalableTag<A> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < n; i += lanes) {
    hn::Store(function(d, hn::Load(d, into.at + i), i), d, into.at + i);
  }
}

/// Calls use(first, n) for the blocks of [begin, end).
template <class Use>
HWY_INLINE void for_each_block(int64_t begin, int64_t end, Use&& use) {
  for (int64_t i = begin; i < end; i += block) use(i, std::min(block, end - i));
}

template <class A>
HWY_INLINE void activate_block(Activation activation, Block<A>& x, int64_t n) {
  switch (activation) {
    case Activation::Sigmoid:
      return map(x, n, [](auto d, auto v, int64_t) { return sigmoid(d, v); });
    case Activation::Silu:
      return map(x, n, [](auto d, auto v, int64_t) { return silu(d, v); });
    case Activation::Softplus:
      return map(x, n, [](auto d, auto v, int64_t) { return softplus(d, v); });
  }
}

template <class T>
void activate_of(Activation activation, const at::Tensor& x, at::Tensor& out) {
  const T* from = static_cast<const T*>(x.const_data_ptr());
  T* to = static_cast<T*>(out.mutable_data_ptr());
  at::parallel_for(0, x.numel(), elements_of_a_task, [&](int64_t begin, int64_t end) {
    Block<Compute<T>> values;
    for_each_block(begin, end, [&](int64_t first, int64_t n) {
      widen(from + first, values.at, n);
      activate_block(activation, values, n);
      narrow<T>(values.at, to + first, n);
    });
  });
}

/// Calls use(row, first, n) for the blocks of all rows, on many threads.
template <class Use>
void for_each_block_of_rows(const at::Tensor& rows_ND, Use&& use) {
  const int64_t width = rows_ND.size(1);
  at::parallel_for(0, rows_ND.size(0), 1 + elements_of_a_task / std::max<int64_t>(1, width),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t row = begin; row < end; ++row) {
                       for_each_block(0, width,
                                      [&](int64_t first, int64_t n) { use(row, first, n); });
                     }
                   });
}

template <class T>
void sigmoid_gate_of(const SigmoidGateIn& in, at::Tensor& out_ND) {
  using A = Compute<T>;
  const T* x = static_cast<const T*>(in.x_ND.const_data_ptr());
  const T* gate = static_cast<const T*>(in.gate_ND.const_data_ptr());
  T* out = static_cast<T*>(out_ND.mutable_data_ptr());
  const int64_t width = in.x_ND.size(1);
  const bool one_for_all = in.gate_ND.size(1) == 1;
  for_each_block_of_rows(in.x_ND, [&](int64_t row, int64_t first, int64_t n) {
    Block<A> gates;
    const T* of_row = gate + row * in.gate_ND.stride(0);
    if (one_for_all) {
      std::fill_n(gates.at, block, static_cast<A>(*of_row));
    } else {
      widen(of_row + first, gates.at, n);
    }
    activate_block(Activation::Sigmoid, gates, n);
    const T* from = x + row * in.x_ND.stride(0) + first;
    T* to = out + row * width + first;
    for (int64_t i = 0; i < n; ++i) {
      to[i] = rounded<T>(static_cast<A>(from[i]) * static_cast<A>(rounded<T>(gates.at[i])));
    }
  });
}

/// The n elements of a channel tensor from `first` on, or `otherwise` where there is none.
template <class A>
HWY_INLINE void load_channels(const at::Tensor& channels_D, A otherwise, int64_t first, int64_t n,
                              Block<A>& to) {
  if (!channels_D.defined()) {
    std::fill_n(to.at, block, otherwise);
  } else {
    std::copy_n(static_cast<const A*>(channels_D.const_data_ptr()) + first, n, to.at);
  }
}

template <class T>
void steps_of(const StepsIn& in, at::Tensor& out_ND) {
  using A = Compute<T>;
  const T* raw = static_cast<const T*>(in.raw_ND.const_data_ptr());
  A* out = static_cast<A*>(out_ND.mutable_data_ptr());
  for_each_block_of_rows(in.raw_ND, [&](int64_t row, int64_t first, int64_t n) {
    Block<A> values, bias, rate;
    widen(raw + row * in.raw_ND.stride(0) + first, values.at, n);
    load_channels(in.bias_D, A(0), first, n, bias);
    load_channels(in.rate_D, A(1), first, n, rate);
    map(values, n, [&](auto d, auto x, int64_t i) {
      const auto step = softplus(d, hn::Add(x, hn::Load(d, bias.at + i)));
      const auto low = hn::Set(d, static_cast<A>(in.min)),
                 high = hn::Set(d, static_cast<A>(in.max));
      const auto kept = hn::IfThenElse(hn::IsNaN(step), step, hn::Min(hn::Max(step, low), high));
      return hn::Mul(kept, hn::Load(d, rate.at + i));
    });
    std::copy_n(values.at, n, out + row * in.raw_ND.size(1) + first);
  });
}

void activate_dispatch(Activation activation, const at::Tensor& x, at::Tensor& out) {
  for_type("activation", x.scalar_type(),
           [&](auto type) { activate_of<decltype(type)>(activation, x, out); });
}
void sigmoid_gate_dispatch(const SigmoidGateIn& in, at::Tensor& out_ND) {
  for_type("sigmoid_gate", in.x_ND.scalar_type(),
           [&](auto type) { sigmoid_gate_of<decltype(type)>(in, out_ND); });
}
void steps_dispatch(const StepsIn& in, at::Tensor& out_ND) {
  for_type("step_sizes", in.raw_ND.scalar_type(),
           [&](auto type) { steps_of<decltype(type)>(in, out_ND); });
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hylo::kernels::cpu {
HWY_EXPORT(activate_dispatch);
HWY_EXPORT(sigmoid_gate_dispatch);
HWY_EXPORT(steps_dispatch);
void activate(Activation activation, const at::Tensor& x, at::Tensor& out) {
  HWY_DYNAMIC_DISPATCH(activate_dispatch)(activation, x, out);
}
void sigmoid_gate(const SigmoidGateIn& in, at::Tensor& out_ND) {
  HWY_DYNAMIC_DISPATCH(sigmoid_gate_dispatch)(in, out_ND);
}
void steps(const StepsIn& in, at::Tensor& out_ND) {
  HWY_DYNAMIC_DISPATCH(steps_dispatch)(in, out_ND);
}
}  // namespace hylo::kernels::cpu
#endif
