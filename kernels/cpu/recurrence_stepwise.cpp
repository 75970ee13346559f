// Token by token, one head of one sequence at a time. The sums over K run in the order of K, one
// column of the state per lane, so no bit depends on the width of a vector's neighbours, on the cut
// of a sequence or on the threads.
// Highway wants this order.
// clang-format off
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/recurrence_stepwise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include <ATen/Parallel.h>
#include <hwy/aligned_allocator.h>

#include <algorithm>
#include <cmath>

#include "harness/base/error.h"
#include "kernels/cpu/convert-inl.h"
#include "kernels/cpu/recurrence.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// What one thread needs for the tokens of a head; V padded to whole vectors.
template <class A>
struct StepBuffers {
  StepBuffers(int64_t key_width, int64_t value_width)
      : width(padded<A>(value_width)),
        state(hwy::AllocateAligned<A>(key_width * width)),
        q(hwy::AllocateAligned<A>(key_width)),
        k(hwy::AllocateAligned<A>(key_width)),
        decay(hwy::AllocateAligned<A>(key_width)),
        v(hwy::AllocateAligned<A>(width)),
        recalled(hwy::AllocateAligned<A>(width)) {
    std::fill_n(state.get(), key_width * width, A(0));
    std::fill_n(v.get(), width, A(0));
  }
  int64_t width;
  hwy::AlignedFreeUniquePtr<A[]> state, q, k, decay, v, recalled;
};

/// S <- diag(decay) S; recalled <- k S.
template <class A>
HWY_INLINE void decay_and_recall(StepBuffers<A>& b, int64_t key_width) {
  const hn::ScalableTag<A> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t c = 0; c < b.width; c += lanes) {
    auto sum = hn::Zero(d);
    for (int64_t k = 0; k < key_width; ++k) {
      A* s = &b.state[k * b.width + c];
      const auto kept = hn::Mul(hn::Set(d, b.decay[k]), hn::Load(d, s));
      hn::Store(kept, d, s);
      sum = hn::MulAdd(hn::Set(d, b.k[k]), kept, sum);
    }
    hn::Store(sum, d, &b.recalled[c]);
  }
}

/// S <- S + k v; recalled <- q S. Without `decays`, S has been decayed already.
template <class A, bool decays>
HWY_INLINE void write_and_read(StepBuffers<A>& b, int64_t key_width) {
  const hn::ScalableTag<A> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t c = 0; c < b.width; c += lanes) {
    auto sum = hn::Zero(d);
    const auto written = hn::Load(d, &b.v[c]);
    for (int64_t k = 0; k < key_width; ++k) {
      A* s = &b.state[k * b.width + c];
      auto kept = hn::Load(d, s);
      if constexpr (decays) kept = hn::Mul(hn::Set(d, b.decay[k]), kept);
      const auto next = hn::MulAdd(hn::Set(d, b.k[k]), written, kept);
      hn::Store(next, d, s);
      sum = hn::MulAdd(hn::Set(d, b.q[k]), next, sum);
    }
    hn::Store(sum, d, &b.recalled[c]);
  }
}

/// The rows of head h in one sequence.
template <class T>
struct HeadWalk {
  using A = Compute<T>;
  const RecurrenceIn& in;
  int64_t h;
  StepBuffers<A>& b;

  int64_t key_width() const { return in.q_NHK.size(2); }
  int64_t value_width() const { return in.v_NHV.size(2); }
  int64_t num_heads() const { return in.v_NHV.size(1); }

  const T* row_of(const at::Tensor& rows_NHW, int64_t row) const {
    const int64_t head = h / (num_heads() / rows_NHW.size(1));
    return static_cast<const T*>(rows_NHW.const_data_ptr()) + row * rows_NHW.stride(0) +
           head * rows_NHW.size(2);
  }

  void load(int64_t row) const {
    widen(row_of(in.q_NHK, row), b.q.get(), key_width());
    widen(row_of(in.k_NHK, row), b.k.get(), key_width());
    widen(row_of(in.v_NHV, row), b.v.get(), value_width());
    for (int64_t k = 0; k < key_width(); ++k) b.q[k] *= static_cast<A>(in.scale);
    const bool per_channel = in.log_decay_NH.dim() == 3;
    const int64_t num_decays = per_channel ? key_width() : 1;
    const A* log_decay = static_cast<const A*>(in.log_decay_NH.const_data_ptr()) +
                         (row * num_heads() + h) * num_decays;
    for (int64_t k = 0; k < num_decays; ++k) b.decay[k] = std::exp(log_decay[k]);
    if (!per_channel) std::fill_n(b.decay.get(), key_width(), b.decay[0]);
  }

  void step(int64_t row) const {
    load(row);
    if (!in.beta_NH.defined()) return write_and_read<A, true>(b, key_width());
    decay_and_recall<A>(b, key_width());
    const A beta = static_cast<const A*>(in.beta_NH.const_data_ptr())[row * num_heads() + h];
    for (int64_t v = 0; v < value_width(); ++v) b.v[v] = beta * (b.v[v] - b.recalled[v]);
    write_and_read<A, false>(b, key_width());
  }

  /// state_KV: of this sequence and head.
  void run(const RowRange& sequence, A* state_KV, at::Tensor& out_NHV) const {
    const int64_t width = value_width();
    for (int64_t k = 0; k < key_width(); ++k)
      std::copy_n(state_KV + k * width, width, &b.state[k * b.width]);
    for (int64_t row = sequence.first_row; row < sequence.first_row + sequence.num_rows; ++row) {
      step(row);
      narrow<T>(b.recalled.get(),
                static_cast<T*>(out_NHV.mutable_data_ptr()) + (row * num_heads() + h) * width,
                width);
    }
    for (int64_t k = 0; k < key_width(); ++k)
      std::copy_n(&b.state[k * b.width], width, state_KV + k * width);
  }
};

template <class T>
void stepwise_of(const RecurrenceIn& in, at::Tensor& out_NHV, at::Tensor& state_BHKV) {
  using A = Compute<T>;
  const auto num_sequences = static_cast<int64_t>(in.sequences.size());
  const int64_t num_heads = in.v_NHV.size(1);
  A* states = static_cast<A*>(state_BHKV.mutable_data_ptr());
  const int64_t state_size = in.q_NHK.size(2) * in.v_NHV.size(2);
  at::parallel_for(0, num_heads * num_sequences, heads_of_a_task(in),
                   [&](int64_t begin, int64_t end) {
                     StepBuffers<A> buffers(in.q_NHK.size(2), in.v_NHV.size(2));
                     for (int64_t i = begin; i < end; ++i) {
                       const int64_t h = i / num_sequences, sequence = i % num_sequences;
                       HeadWalk<T>{in, h, buffers}.run(
                           in.sequences[sequence],
                           states + (in.slot_of(sequence) * num_heads + h) * state_size, out_NHV);
                     }
                   });
}

void recurrence_stepwise_dispatch(const RecurrenceIn& in, at::Tensor& out_NHV,
                                  at::Tensor& state_BHKV) {
  switch (in.q_NHK.scalar_type()) {
    case at::kFloat:
      return stepwise_of<float>(in, out_NHV, state_BHKV);
    case at::kDouble:
      return stepwise_of<double>(in, out_NHV, state_BHKV);
    case at::kBFloat16:
      return stepwise_of<c10::BFloat16>(in, out_NHV, state_BHKV);
    default:
      invariant(false, "recurrence: the op lets {} through", c10::toString(in.q_NHK.scalar_type()));
  }
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hylo::kernels::cpu {
HWY_EXPORT(recurrence_stepwise_dispatch);
void recurrence_stepwise(const RecurrenceIn& in, at::Tensor& out_NHV, at::Tensor& state_BHKV) {
  HWY_DYNAMIC_DISPATCH(recurrence_stepwise_dispatch)(in, out_NHV, state_BHKV);
}
}  // namespace hylo::kernels::cpu
#endif
