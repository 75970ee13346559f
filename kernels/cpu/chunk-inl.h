// One chunk of rows of one head: its buffers, its rows and its decays. Included once per target.
//
// Decays are kept as running products of exp(log_decay), each at most 1, and never as differences
// of sums of logarithms: behind a very strong decay such a difference has lost its small digits.
#if defined(HYLO_KERNELS_CPU_CHUNK_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef HYLO_KERNELS_CPU_CHUNK_INL
#undef HYLO_KERNELS_CPU_CHUNK_INL
#else
#define HYLO_KERNELS_CPU_CHUNK_INL
#endif

#include <ATen/core/Tensor.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/cpu/matrix_rows-inl.h"
#include "kernels/cpu/product-inl.h"
#include "kernels/cpu/recurrence.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

enum class SegmentOrder { FirstToLast, LastToFirst };

/// Calls use(sequence, head, segment) for the items [begin, end), where item i is head i / B of
/// sequence i % B. All heads of a segment come before the next one: a row of all heads lies
/// together in memory, and is gone from the nearer caches, as is the way to its pages, when a head
/// alone walks over a long sequence.
template <class Use>
HWY_INLINE void for_each_segment(const RecurrenceIn& in, int64_t begin, int64_t end,
                                 SegmentOrder order, Use&& use) {
  const auto num_sequences = static_cast<int64_t>(in.sequences.size());
  const auto first_head_from = [&](int64_t item, int64_t sequence) {
    return (item - sequence + num_sequences - 1) / num_sequences;
  };
  for (int64_t s = 0; s < num_sequences; ++s) {
    const int64_t segments = num_segments(in.sequences[s]);
    for (int64_t i = 0; i < segments; ++i) {
      const int64_t segment = order == SegmentOrder::FirstToLast ? i : segments - 1 - i;
      for (int64_t head = first_head_from(begin, s); head < first_head_from(end, s); ++head) {
        use(s, head, segment);
      }
    }
  }
}

/// The rows of a chunk and what follows from them alone. `per_channel`: a decay for every key
/// channel, otherwise one for the head.
template <class A, bool per_channel>
struct Chunk {
  static constexpr int64_t rows = chunk_rows;
  using D = hn::ScalableTag<A>;
  using V = hn::Vec<D>;

  int64_t num_heads, key_width, value_width, key_step, value_step;
  bool has_delta;
  std::vector<double> log_decay_sums;
  int64_t n = 0;  ///< rows of this chunk
  Matrix<A> q, k, v;
  Matrix<A> beta;         ///< one row
  Matrix<A> decay;        ///< of each row; like the next two, one row of numbers unless per channel
  Matrix<A> since_start;  ///< of a state before the chunk at row i, row i included
  Matrix<A> to_end;       ///< of what row i writes at the end of the chunk
  Matrix<A> whole;        ///< of a state over the chunk; one number, or one per channel
  Matrix<A> q_decayed, k_decayed;  ///< times since_start: they read the state before the chunk
  Matrix<A> k_kept;                ///< times to_end: they write the state after it

  static int64_t step_of(int64_t width) { return padded<A>(width); }
  static int64_t num_elements(int64_t key_width, int64_t value_width) {
    const int64_t decays = per_channel ? step_of(key_width) * rows : step_of(rows);
    return rows * (5 * step_of(key_width) + step_of(value_width)) + 3 * decays + step_of(rows) +
           step_of(key_width);
  }

  Chunk(const RecurrenceIn& in, Arena<A>& arena)
      : num_heads(in.v_NHV.size(1)),
        key_width(in.k_NHK.size(2)),
        value_width(in.v_NHV.size(2)),
        key_step(step_of(key_width)),
        value_step(step_of(value_width)),
        has_delta(in.beta_NH.defined()),
        log_decay_sums(key_width) {
    for (auto* m : {&q, &k, &q_decayed, &k_decayed, &k_kept}) *m = arena.take(rows, key_step);
    v = arena.take(rows, value_step);
    beta = arena.take(1, step_of(rows));
    whole = arena.take(1, key_step);
    for (auto* m : {&decay, &since_start, &to_end}) {
      *m = per_channel ? arena.take(rows, key_step) : arena.take(1, step_of(rows));
    }
  }

  /// A decay as it multiplies the channels from c on of row i.
  HWY_INLINE static V factor(Matrix<A> decays, int64_t i, int64_t c) {
    if constexpr (per_channel) return hn::LoadU(D(), decays.row(i) + c);
    return hn::Set(D(), decays.at[i]);
  }

  /// out[i] = in[i] * decays[i], row by row.
  HWY_INLINE void scale_rows(Matrix<A> in, Matrix<A> decays, Matrix<A> out) const {
    for (int64_t i = 0; i < n; ++i) {
      for_each_vector<A>(key_width, [&](int64_t c) {
        hn::StoreU(hn::Mul(hn::LoadU(D(), in.row(i) + c), factor(decays, i, c)), D(),
                   out.row(i) + c);
      });
    }
  }

  /// All of the rows.
  void load(const RecurrenceIn& in, int64_t head, int64_t first, int64_t num_rows) {
    load_written(in, head, first, num_rows);
    load_rows(in.q_NHK, head_of(in.q_NHK, head), first, n, q);
    const auto scale = hn::Set(D(), static_cast<A>(in.scale));
    for (int64_t i = 0; i < n; ++i) {
      for_each_vector<A>(key_width, [&](int64_t c) {
        hn::StoreU(hn::Mul(hn::LoadU(D(), q.row(i) + c), scale), D(), q.row(i) + c);
      });
    }
    scale_rows(q, since_start, q_decayed);
    if (has_delta) scale_rows(k, since_start, k_decayed);
  }

  /// The state of a head in the place of another's, whose padding may hold what is not a number.
  void load_state(const A* state_KV, Matrix<A> to) const {
    for (int64_t k = 0; k < key_width; ++k) {
      std::copy_n(state_KV + k * value_width, value_width, to.row(k));
      std::fill_n(to.row(k) + value_width, value_step - value_width, A(0));
    }
  }

  /// What the state behind the chunk depends on: keys, values, betas and decays.
  void load_written(const RecurrenceIn& in, int64_t head, int64_t first, int64_t num_rows) {
    n = num_rows;
    load_rows(in.k_NHK, head_of(in.k_NHK, head), first, n, k);
    load_rows(in.v_NHV, head, first, n, v);
    if (has_delta) {
      const A* from = static_cast<const A*>(in.beta_NH.const_data_ptr());
      for (int64_t i = 0; i < n; ++i) beta.at[i] = from[(first + i) * num_heads + head];
    }
    load_decays(in, head, first);
    scale_rows(k, to_end, k_kept);
  }

  /// Asks for rows that a later load will want, so that it need not wait for memory: a row of a
  /// head is too short for the processor to see that others follow. Rows beyond [0, end) are left
  /// out.
  void prefetch(const RecurrenceIn& in, int64_t head, int64_t first, int64_t end) const {
    prefetch_rows(in.q_NHK, head_of(in.q_NHK, head), first, end);
    prefetch_rows(in.k_NHK, head_of(in.k_NHK, head), first, end);
    prefetch_rows(in.v_NHV, head, first, end);
  }

  int64_t head_of(const at::Tensor& rows_NHW, int64_t head) const {
    return head / (num_heads / rows_NHW.size(1));
  }

  void load_decays(const RecurrenceIn& in, int64_t head, int64_t first) {
    const int64_t width = per_channel ? key_width : 1;
    const A* from = static_cast<const A*>(in.log_decay_NH.const_data_ptr());
    std::fill(log_decay_sums.begin(), log_decay_sums.end(), 0.0);
    for (int64_t i = 0; i < n; ++i) {
      const A* row = from + ((first + i) * num_heads + head) * width;
      A* to = per_channel ? decay.row(i) : decay.at + i;
      for (int64_t c = 0; c < width; ++c) to[c] = std::exp(row[c]);
      for (int64_t c = 0; c < width; ++c) log_decay_sums[c] += static_cast<double>(row[c]);
    }
    for (int64_t c = 0; c < width; ++c) {
      whole.at[c] = static_cast<A>(std::exp(log_decay_sums[c]));
    }
    const auto at = [](Matrix<A> m, int64_t i) { return per_channel ? m.row(i) : m.at + i; };
    for (int64_t c = 0; c < width; ++c) {
      at(since_start, 0)[c] = at(decay, 0)[c];
      at(to_end, n - 1)[c] = 1;
    }
    for (int64_t i = 1; i < n; ++i) {
      for (int64_t c = 0; c < width; ++c) {
        at(since_start, i)[c] = at(since_start, i - 1)[c] * at(decay, i)[c];
      }
    }
    for (int64_t i = n - 2; i >= 0; --i) {
      for (int64_t c = 0; c < width; ++c) {
        at(to_end, i)[c] = at(to_end, i + 1)[c] * at(decay, i + 1)[c];
      }
    }
  }
};

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
