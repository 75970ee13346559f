// The backward pass of the chunked form: from the last chunk to the first, dS being the gradient of
// the state behind a chunk. With the names of recurrence_chunked.cpp, A = diag(beta) N:
//   dX = P^T dO + k_kept dS;   (I + A)^T Z = dX;   F = beta Z
//   dV = F;   dbeta = rows of Z * E;   dP = dO X^T;   dN = -F X^T
//   dq_decayed = dO S^T;   dk_decayed = -F S^T;   dk_kept = X dS^T
//   dS <- decay of the chunk dS + q_decayed^T dO - k_decayed^T F
// Every decay stands beside a query, a key that reads or (with the opposite sign) a key that is
// written, so the gradient of log_decay is a sum of q dq + k dk_reading - k dk_written from a row
// to the end of its chunk, and of S dS there. States are kept per segment and replayed within it.
// Highway wants this order.
// clang-format off
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/recurrence_backward.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include <ATen/Parallel.h>

#include <numeric>

#include "harness/base/error.h"
#include "kernels/cpu/chunk-inl.h"
#include "kernels/cpu/recurrence.h"
#include "kernels/cpu/scores-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// What one thread needs to walk back over the chunks of a head.
template <class A, bool per_channel>
struct BackwardWalk {
  using C = Chunk<A, per_channel>;
  using D = hn::ScalableTag<A>;
  static constexpr int64_t num_states = segment_rows / C::rows;

  const RecurrenceIn& in;
  const RecurrenceTrace& trace;
  const at::Tensor& d_out_NHV;
  RecurrenceGradients& gradients;
  Arena<A> arena;
  C chunk;
  Scores<A, per_channel> scores;
  Matrix<A> of_queries, of_keys;      ///< P, and -diag(beta) N
  Matrix<A> d_of_queries, d_of_keys;  ///< of P and N
  Matrix<A> states_turned;            ///< [num_states V, K]: before each chunk of a segment
  Matrix<A> d_state, d_state_turned;  ///< [K, V], [V, K]
  Matrix<A> errors, d_out, x_turned;  ///< E; dO; X^T [V, n]. X is in chunk.v
  Matrix<A> d_written, d_error;       ///< dX, then Z; -F
  Matrix<A> d_q, d_k_reading, d_k_written, d_k_kept;
  Matrix<A> d_decay, d_beta;
  Matrix<A> diagonal;  ///< of dP, one row

  static int64_t num_elements(int64_t key_width, int64_t value_width) {
    const int64_t key_step = C::step_of(key_width), value_step = C::step_of(value_width);
    const int64_t chunk_step = C::step_of(C::rows);
    return C::num_elements(key_width, value_width) +
           Scores<A, per_channel>::num_elements(key_width) + 4 * C::rows * chunk_step +
           (num_states + 1) * value_width * key_step + key_width * value_step +
           value_width * chunk_step + C::rows * (4 * value_step + 5 * key_step) + 2 * chunk_step;
  }

  BackwardWalk(const RecurrenceIn& recurrence, const RecurrenceTrace& kept,
               const at::Tensor& out_gradient, RecurrenceGradients& to)
      : in(recurrence),
        trace(kept),
        d_out_NHV(out_gradient),
        gradients(to),
        arena(num_elements(in.k_NHK.size(2), in.v_NHV.size(2))),
        chunk(in, arena),
        scores(chunk, arena) {
    const int64_t values = chunk.value_width, chunk_step = C::step_of(C::rows);
    for (auto* m : {&of_queries, &of_keys, &d_of_queries, &d_of_keys}) {
      *m = arena.take(C::rows, chunk_step);
    }
    states_turned = arena.take(num_states * values, chunk.key_step);
    d_state_turned = arena.take(values, chunk.key_step);
    d_state = arena.take(chunk.key_width, chunk.value_step);
    x_turned = arena.take(values, chunk_step);
    for (auto* m : {&errors, &d_out, &d_written, &d_error}) {
      *m = arena.take(C::rows, chunk.value_step);
    }
    for (auto* m : {&d_q, &d_k_reading, &d_k_written, &d_k_kept, &d_decay}) {
      *m = arena.take(C::rows, chunk.key_step);
    }
    for (auto* m : {&d_beta, &diagonal}) *m = arena.take(1, chunk_step);
  }

  HWY_INLINE static auto get(Matrix<A> m, int64_t i, int64_t c) {
    return hn::LoadU(D(), m.row(i) + c);
  }
  template <class V>
  HWY_INLINE static void put(V value, Matrix<A> m, int64_t i, int64_t c) {
    hn::StoreU(value, D(), m.row(i) + c);
  }

  /// The transposed state before the chunk `index` of the segment.
  Matrix<A> state_turned(int64_t index) const {
    return states_turned.from(index * chunk.value_width);
  }
  /// X in the place of V.
  void load_x(int64_t head, int64_t first) {
    if (!chunk.has_delta) return;
    load_rows(trace.errors_NHV, head, first, chunk.n, errors);
    for (int64_t i = 0; i < chunk.n; ++i) {
      const auto beta = hn::Set(D(), chunk.beta.at[i]);
      for_each_vector<A>(chunk.value_width,
                         [&](int64_t c) { put(hn::Mul(beta, get(errors, i, c)), chunk.v, i, c); });
    }
  }

  HWY_INLINE auto whole_decay(int64_t c) const {
    return per_channel ? hn::LoadU(D(), chunk.whole.at + c) : hn::Set(D(), *chunk.whole.at);
  }

  /// S^T <- S^T decay + X^T k_kept
  void replay(int64_t index) {
    const auto before = state_turned(index), after = state_turned(index + 1);
    for (int64_t v = 0; v < chunk.value_width; ++v) {
      for_each_vector<A>(chunk.key_width, [&](int64_t c) {
        const auto decay = whole_decay(c);
        put(hn::Mul(decay, get(before, v, c)), after, v, c);
      });
    }
    multiply_add(turned(chunk.v), chunk.k_kept, after,
                 {chunk.value_width, chunk.key_width, chunk.n});
  }

  /// Z, F, and what follows from them: the gradients of values and of beta.
  void flow_through_delta_rule() {
    const int64_t n = chunk.n, width = chunk.value_width;
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < i; ++j) of_keys.row(i)[j] *= -chunk.beta.at[i];
    }
    solve_lower_turned(of_keys, d_written, n, width);
    for (int64_t i = 0; i < n; ++i) {
      auto sum = hn::Zero(D());
      const auto beta = hn::Set(D(), chunk.beta.at[i]);
      for_each_vector<A>(width, [&](int64_t c) {
        const auto z = get(d_written, i, c);
        sum = hn::MulAdd(z, get(errors, i, c), sum);
        put(hn::Mul(beta, z), d_written, i, c);
        put(hn::Neg(get(d_written, i, c)), d_error, i, c);
      });
      d_beta.at[i] = hn::GetLane(hn::SumOfLanes(D(), sum));
    }
    multiply_to_lower(d_error, x_turned, d_of_keys, n, width);
  }

  void scale_rows_by(Matrix<A> decays, Matrix<A> m) const { chunk.scale_rows(m, decays, m); }

  /// Gradients of q and k, before the scale of q.
  void flow_to_keys(Matrix<A> before_turned) {
    const ProductSize size{chunk.n, chunk.key_width, chunk.value_width};
    multiply(plain(d_out), before_turned, d_q, size);
    scale_rows_by(chunk.since_start, d_q);
    multiply(plain(chunk.v), d_state_turned, d_k_kept, size);
    scale_rows_by(chunk.to_end, d_k_kept);
    std::fill_n(d_k_written.at, C::rows * d_k_written.step, A(0));
    if (chunk.has_delta) {
      multiply(plain(d_error), before_turned, d_k_reading, size);
      scale_rows_by(chunk.since_start, d_k_reading);
    } else {
      std::fill_n(d_k_reading.at, C::rows * d_k_reading.step, A(0));
    }
    scores.flow_back(chunk, {.of_queries = d_of_queries,
                             .of_keys = d_of_keys,
                             .q = d_q,
                             .k_reading = d_k_reading,
                             .k_written = d_k_written});
  }

  /// Per channel in `d_decay`.
  void flow_to_decays(Matrix<A> before_turned) {
    for_each_vector<A>(chunk.key_width, [&](int64_t c) {
      auto sum = hn::Zero(D());
      for (int64_t v = 0; v < chunk.value_width; ++v) {
        sum = hn::MulAdd(get(before_turned, v, c), get(d_state_turned, v, c), sum);
      }
      sum = hn::Mul(sum, whole_decay(c));
      for (int64_t i = 0; i < chunk.n; ++i) {
        put(sum, d_decay, i, c);
        sum = hn::MulAdd(get(chunk.k, i, c), get(d_k_kept, i, c), sum);
      }
      sum = hn::Zero(D());
      for (int64_t i = chunk.n - 1; i >= 0; --i) {
        const auto d_key = hn::Sub(get(d_k_reading, i, c), get(d_k_written, i, c));
        sum = hn::MulAdd(get(chunk.q, i, c), get(d_q, i, c), sum);
        sum = hn::MulAdd(get(chunk.k, i, c), d_key, sum);
        put(hn::Add(sum, get(d_decay, i, c)), d_decay, i, c);
      }
    });
  }

  /// dS <- decay dS + q_decayed^T dO - k_decayed^T F
  void flow_to_state() {
    for (int64_t k = 0; k < chunk.key_width; ++k) {
      const auto decay = hn::Set(D(), chunk.whole.at[per_channel ? k : 0]);
      for_each_vector<A>(chunk.value_width, [&](int64_t c) {
        put(hn::Mul(decay, get(d_state, k, c)), d_state, k, c);
      });
    }
    const ProductSize size{chunk.key_width, chunk.value_width, chunk.n};
    multiply_add(turned(chunk.q_decayed), d_out, d_state, size);
    if (chunk.has_delta) multiply_add(turned(chunk.k_decayed), d_error, d_state, size);
  }

  /// All that flowed to the keys, in d_k_written; the diagonal of P, and the scale of q.
  void finish_keys() {
    const auto scale = hn::Set(D(), static_cast<A>(in.scale));
    for (int64_t i = 0; i < chunk.n; ++i) {
      const auto d_diagonal = hn::Set(D(), diagonal.at[i]);
      for_each_vector<A>(chunk.key_width, [&](int64_t c) {
        auto d_key = hn::Add(get(d_k_reading, i, c), get(d_k_written, i, c));
        d_key = hn::Add(d_key, get(d_k_kept, i, c));
        put(hn::MulAdd(d_diagonal, get(chunk.q, i, c), d_key), d_k_written, i, c);
        const auto d_query = hn::MulAdd(d_diagonal, get(chunk.k, i, c), get(d_q, i, c));
        put(hn::Mul(scale, d_query), d_q, i, c);
      });
    }
  }

  void store(int64_t head, int64_t first) {
    store_rows(d_q, gradients.q_NHK, head, first, chunk.n);
    store_rows(d_k_written, gradients.k_NHK, head, first, chunk.n);
    store_rows(d_written, gradients.v_NHV, head, first, chunk.n);
    const int64_t num_heads = in.v_NHV.size(1);
    if constexpr (per_channel) {
      store_rows(d_decay, gradients.log_decay_NH, head, first, chunk.n);
    } else {
      A* to = static_cast<A*>(gradients.log_decay_NH.mutable_data_ptr());
      for (int64_t i = 0; i < chunk.n; ++i) {
        to[(first + i) * num_heads + head] =
            std::accumulate(d_decay.row(i), d_decay.row(i) + chunk.key_width, A(0));
      }
    }
    if (!chunk.has_delta) return;
    A* to = static_cast<A*>(gradients.beta_NH.mutable_data_ptr());
    for (int64_t i = 0; i < chunk.n; ++i) to[(first + i) * num_heads + head] = d_beta.at[i];
  }

  void flow_through_chunk(int64_t head, int64_t first, int64_t index) {
    const int64_t n = chunk.n, width = chunk.value_width;
    load_rows(d_out_NHV, head, first, n, d_out);
    chunk.prefetch(in, head, first - C::rows, first);
    prefetch_rows(d_out_NHV, head, first - C::rows, first);
    if (chunk.has_delta) prefetch_rows(trace.errors_NHV, head, first - C::rows, first);
    scores.score(chunk, of_queries, of_keys);
    transpose(chunk.v, x_turned, n, width);
    transpose(d_state, d_state_turned, chunk.key_width, width);
    multiply(plain(chunk.k_kept), d_state, d_written, {n, width, chunk.key_width});
    multiply_add_lower_turned(of_queries, d_out, d_written, n, width);
    multiply_to_lower(d_out, x_turned, d_of_queries, n, width);
    for (int64_t i = 0; i < n; ++i) diagonal.at[i] = d_of_queries.row(i)[i];
    if (chunk.has_delta) flow_through_delta_rule();
    flow_to_keys(state_turned(index));
    flow_to_decays(state_turned(index));
    flow_to_state();
    finish_keys();
    store(head, first);
  }

  /// The states before the chunks of a segment, from the one before the first.
  void replay_all(const RowRange& rows, int64_t head, A* kept_KV) {
    const Matrix<A> kept{kept_KV, chunk.value_width};
    transpose(kept, state_turned(0), chunk.key_width, chunk.value_width);
    for (int64_t done = 0; done + C::rows < rows.num_rows; done += C::rows) {
      chunk.load_written(in, head, rows.first_row + done, C::rows);
      load_x(head, rows.first_row + done);
      replay(done / C::rows);
    }
  }

  /// The rows of a segment; d_state_KV is of this sequence and head.
  void run(const RowRange& rows, int64_t head, A* d_state_KV, A* kept_KV) {
    const int64_t width = chunk.value_width;
    const Matrix<A> outside{d_state_KV, width};
    chunk.load_state(d_state_KV, d_state);
    replay_all(rows, head, kept_KV);
    for (int64_t done = (rows.num_rows - 1) / C::rows * C::rows; done >= 0; done -= C::rows) {
      const int64_t first = rows.first_row + done;
      chunk.load(in, head, first, std::min(C::rows, rows.num_rows - done));
      load_x(head, first);
      flow_through_chunk(head, first, done / C::rows);
    }
    for (int64_t k = 0; k < chunk.key_width; ++k) {
      std::copy_n(d_state.row(k), width, outside.row(k));
    }
  }
};

template <class A, bool per_channel>
void backward_of(const RecurrenceIn& in, const RecurrenceTrace& trace,
                 const at::Tensor& out_gradient_NHV, RecurrenceGradients& gradients) {
  const auto num_sequences = static_cast<int64_t>(in.sequences.size());
  const int64_t num_heads = in.v_NHV.size(1), size = in.k_NHK.size(2) * in.v_NHV.size(2);
  const auto first_segments = first_segments_of(in.sequences);
  A* states = static_cast<A*>(gradients.state_BHKV.mutable_data_ptr());
  A* kept = static_cast<A*>(trace.states_SHKV.mutable_data_ptr());
  at::parallel_for(
      0, num_heads * num_sequences, heads_of_a_task(in), [&](int64_t begin, int64_t end) {
        BackwardWalk<A, per_channel> walk(in, trace, out_gradient_NHV, gradients);
        for_each_segment(
            in, begin, end, SegmentOrder::LastToFirst,
            [&](int64_t sequence, int64_t head, int64_t segment) {
              const int64_t place = (first_segments[sequence] + segment) * num_heads + head;
              walk.run(segment_of(in.sequences[sequence], segment), head,
                       states + (sequence * num_heads + head) * size, kept + place * size);
            });
      });
}

void recurrence_backward_dispatch(const RecurrenceIn& in, const RecurrenceTrace& trace,
                                  const at::Tensor& out_gradient_NHV,
                                  RecurrenceGradients& gradients) {
  const bool per_channel = in.log_decay_NH.dim() == 3;
  const bool in_float64 = in.log_decay_NH.scalar_type() == at::kDouble;
  const auto walk = in_float64
                        ? (per_channel ? backward_of<double, true> : backward_of<double, false>)
                        : (per_channel ? backward_of<float, true> : backward_of<float, false>);
  walk(in, trace, out_gradient_NHV, gradients);
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hylo::kernels::cpu {
HWY_EXPORT(recurrence_backward_dispatch);
void recurrence_backward(const RecurrenceIn& in, const RecurrenceTrace& trace,
                         const at::Tensor& out_gradient_NHV, RecurrenceGradients& gradients) {
  HWY_DYNAMIC_DISPATCH(recurrence_backward_dispatch)(in, trace, out_gradient_NHV, gradients);
}
}  // namespace hylo::kernels::cpu
#endif
