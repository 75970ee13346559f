// The chunked form. With S the state before a chunk, the rows of q and k decayed since its start or
// kept to its end (chunk-inl.h), and the scores P and N (scores-inl.h):
//   (I + N diag(beta)) E = V - k_decayed S;   X = beta E
//   out = q_decayed S + P X;   S <- decay of the chunk S + k_kept^T X
// Without a delta rule X = V. Source: Yang, Kautz, Hatamizadeh 2024 (arXiv 2412.06464),
// section 3.3, with the state taken into the right-hand side, which saves the products that form W.
// Highway wants this order.
// clang-format off
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/recurrence_chunked.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include <ATen/Parallel.h>

#include "harness/base/error.h"
#include "kernels/cpu/chunk-inl.h"
#include "kernels/cpu/recurrence.h"
#include "kernels/cpu/scores-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// What one thread needs to walk over the chunks of a head.
template <class A, bool per_channel>
struct ForwardWalk {
  using C = Chunk<A, per_channel>;
  using D = hn::ScalableTag<A>;

  const RecurrenceIn& in;
  Arena<A> arena;
  C chunk;
  Scores<A, per_channel> scores;
  Matrix<A> of_queries, of_keys;  ///< P, and -N diag(beta)
  Matrix<A> state;                ///< [K, V]
  Matrix<A> errors;               ///< k_decayed S, then E
  Matrix<A> out;

  static int64_t num_elements(int64_t key_width, int64_t value_width) {
    return C::num_elements(key_width, value_width) +
           Scores<A, per_channel>::num_elements(key_width) + 2 * C::rows * C::step_of(C::rows) +
           (key_width + 2 * C::rows) * C::step_of(value_width);
  }
  explicit ForwardWalk(const RecurrenceIn& recurrence)
      : in(recurrence),
        arena(num_elements(in.k_NHK.size(2), in.v_NHV.size(2))),
        chunk(in, arena),
        scores(chunk, arena),
        of_queries(arena.take(C::rows, C::step_of(C::rows))),
        of_keys(arena.take(C::rows, C::step_of(C::rows))),
        state(arena.take(chunk.key_width, chunk.value_step)),
        errors(arena.take(C::rows, chunk.value_step)),
        out(arena.take(C::rows, chunk.value_step)) {}

  /// E in `errors`, X in the place of V.
  void apply_delta_rule() {
    const int64_t n = chunk.n, width = chunk.value_width;
    multiply(plain(chunk.k_decayed), state, errors, {n, width, chunk.key_width});
    for (int64_t i = 0; i < n; ++i) {
      for_each_vector<A>(width, [&](int64_t c) {
        const auto recalled = hn::LoadU(D(), errors.row(i) + c);
        hn::StoreU(hn::Sub(hn::LoadU(D(), chunk.v.row(i) + c), recalled), D(), errors.row(i) + c);
      });
      for (int64_t j = 0; j < i; ++j) of_keys.row(i)[j] *= -chunk.beta.at[j];
    }
    solve_lower(of_keys, errors, n, width);
    for (int64_t i = 0; i < n; ++i) {
      const auto beta = hn::Set(D(), chunk.beta.at[i]);
      for_each_vector<A>(width, [&](int64_t c) {
        hn::StoreU(hn::Mul(beta, hn::LoadU(D(), errors.row(i) + c)), D(), chunk.v.row(i) + c);
      });
    }
  }

  void read() {
    multiply(plain(chunk.q_decayed), state, out, {chunk.n, chunk.value_width, chunk.key_width});
    multiply_add_lower(of_queries, chunk.v, out, chunk.n, chunk.value_width);
  }

  void write() {
    for (int64_t k = 0; k < chunk.key_width; ++k) {
      const auto decay = hn::Set(D(), chunk.whole.at[per_channel ? k : 0]);
      for_each_vector<A>(chunk.value_width, [&](int64_t c) {
        hn::StoreU(hn::Mul(decay, hn::LoadU(D(), state.row(k) + c)), D(), state.row(k) + c);
      });
    }
    multiply_add(turned(chunk.k_kept), chunk.v, state,
                 {chunk.key_width, chunk.value_width, chunk.n});
  }

  void copy_state_to(A* to) const {
    for (int64_t k = 0; k < chunk.key_width; ++k) {
      std::copy_n(state.row(k), chunk.value_width, to + k * chunk.value_width);
    }
  }

  void walk(const RowRange& rows, int64_t head, at::Tensor& out_NHV, RecurrenceTrace* trace) {
    const int64_t end = rows.first_row + rows.num_rows;
    for (int64_t first = rows.first_row; first < end; first += C::rows) {
      chunk.load(in, head, first, std::min(C::rows, end - first));
      chunk.prefetch(in, head, first + C::rows, std::min(first + 2 * C::rows, end));
      scores.score(chunk, of_queries, of_keys);
      if (chunk.has_delta) apply_delta_rule();
      if (chunk.has_delta && trace) store_rows(errors, trace->errors_NHV, head, first, chunk.n);
      read();
      store_rows(out, out_NHV, head, first, chunk.n);
      write();
    }
  }

  /// The rows of a segment; state_KV is of this sequence and head, and is copied to `kept_KV` (if
  /// that is not null) before it moves on.
  void run(const RowRange& rows, int64_t head, A* state_KV, A* kept_KV, at::Tensor& out_NHV,
           RecurrenceTrace* trace) {
    chunk.load_state(state_KV, state);
    if (kept_KV) copy_state_to(kept_KV);
    walk(rows, head, out_NHV, trace);
    copy_state_to(state_KV);
  }
};

template <class A, bool per_channel>
void chunked_of(const RecurrenceIn& in, at::Tensor& out_NHV, at::Tensor& state_BHKV,
                RecurrenceTrace* trace) {
  const auto num_sequences = static_cast<int64_t>(in.sequences.size());
  const int64_t num_heads = in.v_NHV.size(1), size = in.k_NHK.size(2) * in.v_NHV.size(2);
  const auto first_segments = first_segments_of(in.sequences);
  A* states = static_cast<A*>(state_BHKV.mutable_data_ptr());
  A* kept = trace ? static_cast<A*>(trace->states_SHKV.mutable_data_ptr()) : nullptr;
  at::parallel_for(
      0, num_heads * num_sequences, heads_of_a_task(in), [&](int64_t begin, int64_t end) {
        ForwardWalk<A, per_channel> walk(in);
        for_each_segment(in, begin, end, SegmentOrder::FirstToLast,
                         [&](int64_t sequence, int64_t head, int64_t segment) {
                           const int64_t place =
                               (first_segments[sequence] + segment) * num_heads + head;
                           walk.run(segment_of(in.sequences[sequence], segment), head,
                                    states + (in.slot_of(sequence) * num_heads + head) * size,
                                    kept ? kept + place * size : nullptr, out_NHV, trace);
                         });
      });
}

void recurrence_chunked_dispatch(const RecurrenceIn& in, at::Tensor& out_NHV,
                                 at::Tensor& state_BHKV, RecurrenceTrace* trace) {
  const bool per_channel = in.log_decay_NH.dim() == 3;
  const bool in_float64 = in.log_decay_NH.scalar_type() == at::kDouble;
  const auto walk = in_float64
                        ? (per_channel ? chunked_of<double, true> : chunked_of<double, false>)
                        : (per_channel ? chunked_of<float, true> : chunked_of<float, false>);
  walk(in, out_NHV, state_BHKV, trace);
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hylo::kernels::cpu {
HWY_EXPORT(recurrence_chunked_dispatch);
void recurrence_chunked(const RecurrenceIn& in, at::Tensor& out_NHV, at::Tensor& state_BHKV,
                        RecurrenceTrace* trace) {
  HWY_DYNAMIC_DISPATCH(recurrence_chunked_dispatch)(in, out_NHV, state_BHKV, trace);
}
}  // namespace hylo::kernels::cpu
#endif
