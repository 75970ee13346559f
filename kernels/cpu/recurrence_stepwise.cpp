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
        state_size(value_width == width ? 0 : key_width * width),
        state(hwy::AllocateAligned<A>(std::max<int64_t>(1, state_size))),
        q(hwy::AllocateAligned<A>(key_width)),
        k(hwy::AllocateAligned<A>(key_width)),
        decay(hwy::AllocateAligned<A>(key_width)),
        v(hwy::AllocateAligned<A>(width)),
        out(hwy::AllocateAligned<A>(width)) {
    std::fill_n(state.get(), state_size, A(0));
    std::fill_n(v.get(), width, A(0));
  }
  int64_t width;
  int64_t state_size;  ///< 0: states are of whole vectors and step where they lie
  A beta = 1;
  hwy::AlignedFreeUniquePtr<A[]> state, q, k, decay, v, out;
};

/// One token on the columns [c, c + num_vectors * lanes) of the state, whose rows have b.width
/// entries: what is written, with a delta rule less what the decayed state recalls, goes into S,
/// and q reads it. What a column computes does not depend on the columns beside it.
template <int num_vectors, bool has_delta, class A>
HWY_INLINE void step_columns(StepBuffers<A>& b, A* HWY_RESTRICT state_KV, int64_t key_width,
                             int64_t c) {
  const hn::ScalableTag<A> d;
  using V = hn::Vec<decltype(d)>;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto at = [&](int64_t k, int i) { return state_KV + k * b.width + c + i * lanes; };
  V written[num_vectors], sums[num_vectors];
  for (int i = 0; i < num_vectors; ++i) {
    written[i] = hn::Load(d, &b.v[c + i * lanes]);
    sums[i] = hn::Zero(d);
  }
  if constexpr (has_delta) {
    for (int64_t k = 0; k < key_width; ++k) {
      const auto decay = hn::Set(d, b.decay[k]), key = hn::Set(d, b.k[k]);
      for (int i = 0; i < num_vectors; ++i) {
        sums[i] = hn::MulAdd(key, hn::Mul(decay, hn::LoadU(d, at(k, i))), sums[i]);
      }
    }
    for (int i = 0; i < num_vectors; ++i) {
      written[i] = hn::Mul(hn::Set(d, b.beta), hn::Sub(written[i], sums[i]));
      sums[i] = hn::Zero(d);
    }
  }
  for (int64_t k = 0; k < key_width; ++k) {
    const auto decay = hn::Set(d, b.decay[k]), key = hn::Set(d, b.k[k]), q = hn::Set(d, b.q[k]);
    for (int i = 0; i < num_vectors; ++i) {
      const auto next = hn::MulAdd(key, written[i], hn::Mul(decay, hn::LoadU(d, at(k, i))));
      hn::StoreU(next, d, at(k, i));
      sums[i] = hn::MulAdd(q, next, sums[i]);
    }
  }
  for (int i = 0; i < num_vectors; ++i) hn::Store(sums[i], d, &b.out[c + i * lanes]);
}

/// Whole rows of 8 vectors where there are so many: memory is then read in its order.
template <bool has_delta, class A>
HWY_INLINE void step_state(StepBuffers<A>& b, A* HWY_RESTRICT state_KV, int64_t key_width) {
  constexpr int many = 8;
  const auto lanes = static_cast<int64_t>(hn::Lanes(hn::ScalableTag<A>()));
  int64_t c = 0;
  for (; c + many * lanes <= b.width; c += many * lanes) {
    step_columns<many, has_delta>(b, state_KV, key_width, c);
  }
  for (; c < b.width; c += lanes) step_columns<1, has_delta>(b, state_KV, key_width, c);
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

  void step(int64_t row, A* state_KV) const {
    load(row);
    if (!in.beta_NH.defined()) return step_state<false>(b, state_KV, key_width());
    b.beta = static_cast<const A*>(in.beta_NH.const_data_ptr())[row * num_heads() + h];
    step_state<true>(b, state_KV, key_width());
  }

  void step_all(const RowRange& sequence, A* state_KV, at::Tensor& out_NHV) const {
    T* out = static_cast<T*>(out_NHV.mutable_data_ptr());
    for (int64_t row = sequence.first_row; row < sequence.first_row + sequence.num_rows; ++row) {
      step(row, state_KV);
      narrow<T>(b.out.get(), out + (row * num_heads() + h) * value_width(), value_width());
    }
  }

  /// state_KV: of this sequence and head. A state of whole vectors steps where it lies.
  void run(const RowRange& sequence, A* state_KV, at::Tensor& out_NHV) const {
    const int64_t width = value_width();
    if (width == b.width) return step_all(sequence, state_KV, out_NHV);
    for (int64_t k = 0; k < key_width(); ++k)
      std::copy_n(state_KV + k * width, width, &b.state[k * b.width]);
    step_all(sequence, b.state.get(), out_NHV);
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
