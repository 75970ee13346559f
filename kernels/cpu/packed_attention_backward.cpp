// The backward pass of packed attention. With P the softmax of the scores, O = P V:
//   dV = P^T dO;   dP = dO V^T;   dS = scale P * (dP - rows of dO * O);   dQ = dS K;   dK = dS^T Q
// P is computed again from the log-sum-exp of its rows. One key/value head of a sequence at a time,
// so that nothing is added up by two threads.
// Highway wants this order.
// clang-format off
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/packed_attention_backward.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include <ATen/Parallel.h>

#include <vector>

#include "kernels/cpu/attention_block-inl.h"
#include "kernels/cpu/packed_attention.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

HWY_INLINE int64_t longest_sequence(std::span<const RowRange> sequences) {
  int64_t rows = 0;
  for (const auto& sequence : sequences) rows = std::max(rows, sequence.num_rows);
  return rows;
}

template <class A>
struct PackedBackwardWalk {
  static constexpr int64_t block = attention_block_rows;
  using D = hn::ScalableTag<A>;

  const PackedAttentionIn& in;
  const PackedAttentionTrace& trace;
  PackedAttentionGradients& gradients;
  int64_t key_width, value_width;
  Arena<A> arena;
  Matrix<A> q, k, keys_turned, values, values_turned, d_out, weights, d_weights;
  Matrix<A> d_q, d_k, d_v;  ///< all rows of a sequence
  std::vector<A> shifts;    ///< rows of dO * O, for a head

  static int64_t num_elements(int64_t keys, int64_t values, int64_t rows) {
    const int64_t key_step = padded<A>(keys), value_step = padded<A>(values);
    return block * (2 * key_step + 2 * value_step + 2 * padded<A>(block)) +
           (keys + values) * padded<A>(block) + rows * (2 * key_step + value_step);
  }

  PackedBackwardWalk(const PackedAttentionIn& attention, const PackedAttentionTrace& kept,
                     PackedAttentionGradients& to)
      : in(attention),
        trace(kept),
        gradients(to),
        key_width(in.q_NHK.size(2)),
        value_width(in.v_NGV.size(2)),
        arena(num_elements(key_width, value_width, longest_sequence(in.sequences))),
        q(arena.take(block, padded<A>(key_width))),
        k(arena.take(block, padded<A>(key_width))),
        keys_turned(arena.take(key_width, padded<A>(block))),
        values(arena.take(block, padded<A>(value_width))),
        values_turned(arena.take(value_width, padded<A>(block))),
        d_out(arena.take(block, padded<A>(value_width))),
        weights(arena.take(block, padded<A>(block))),
        d_weights(arena.take(block, padded<A>(block))) {
    const int64_t rows = longest_sequence(in.sequences);
    d_q = arena.take(rows, padded<A>(key_width));
    d_k = arena.take(rows, padded<A>(key_width));
    d_v = arena.take(rows, padded<A>(value_width));
    shifts.resize(rows);
  }

  void clear(Matrix<A> m, int64_t rows) const { std::fill_n(m.at, rows * m.step, A(0)); }

  void sum_shifts(const RowRange& sequence, int64_t head) {
    for (int64_t first = 0; first < sequence.num_rows; first += block) {
      const int64_t n = std::min(block, sequence.num_rows - first);
      load_rows(trace.out_NHV, head, sequence.first_row + first, n, values);
      load_rows(trace.d_out_NHV, head, sequence.first_row + first, n, d_out);
      for (int64_t i = 0; i < n; ++i) {
        auto sum = hn::Zero(D());
        for_each_vector<A>(value_width, [&](int64_t c) {
          sum =
              hn::MulAdd(hn::LoadU(D(), values.row(i) + c), hn::LoadU(D(), d_out.row(i) + c), sum);
        });
        shifts[first + i] = hn::GetLane(hn::SumOfLanes(D(), sum));
      }
    }
  }

  /// dS in the place of dP.
  void flow_to_scores(const BlockPair& pair) {
    for (int64_t i = 0; i < pair.num_queries; ++i) {
      const auto shift = hn::Set(D(), shifts[pair.first_query + i]);
      const auto scale = hn::Set(D(), static_cast<A>(in.scale));
      const auto zero = hn::Zero(D());
      for_each_vector<A>(weights.step, [&](int64_t c) {
        const auto p = hn::LoadU(D(), weights.row(i) + c);
        const auto d_p = hn::Sub(hn::LoadU(D(), d_weights.row(i) + c), shift);
        // What is not seen may hold anything, NaN too.
        const auto d_s = hn::IfThenZeroElse(hn::Eq(p, zero), hn::Mul(hn::Mul(scale, p), d_p));
        hn::StoreU(d_s, D(), d_weights.row(i) + c);
      });
    }
  }

  void flow_through(const BlockPair& pair, const RowRange& sequence, int64_t head) {
    const int64_t row = sequence.first_row + pair.first_query, n = pair.num_queries;
    const A* log_sums =
        static_cast<const A*>(trace.log_sums_HN.const_data_ptr()) + head * in.q_NHK.size(0) + row;
    load_rows(in.q_NHK, head, row, n, q);
    load_rows(trace.d_out_NHV, head, row, n, d_out);
    score_pair(pair, q, keys_turned, weights, key_width);
    for (int64_t i = 0; i < n; ++i) {
      exponentials_of_row(weights.row(i), pair.first_seen(i), pair.end_seen(i), weights.step,
                          static_cast<A>(in.scale), log_sums[i]);
    }
    add_weighted_rows_turned(pair, weights, d_out, d_v.from(pair.first_key), value_width);
    score_pair(pair, d_out, values_turned, d_weights, value_width);
    flow_to_scores(pair);
    add_weighted_rows(pair, d_weights, k, d_q.from(pair.first_query), key_width);
    add_weighted_rows_turned(pair, d_weights, q, d_k.from(pair.first_key), key_width);
  }

  /// Queries from the last that sees a key of the block back to the first.
  void flow_to_block(const RowRange& sequence, int64_t g, int64_t head, int64_t first_key) {
    const int64_t num_keys = std::min(block, sequence.num_rows - first_key);
    load_rows(in.k_NGK, g, sequence.first_row + first_key, num_keys, k);
    load_rows(in.v_NGV, g, sequence.first_row + first_key, num_keys, values);
    transpose(k, keys_turned, num_keys, key_width);
    transpose(values, values_turned, num_keys, value_width);
    const int64_t seen = std::min(sequence.num_rows, in.window.value_or(sequence.num_rows));
    const int64_t end = std::min(sequence.num_rows, first_key + num_keys - 1 + seen);
    for (int64_t first = first_key; first < end; first += block) {
      flow_through(
          {first, std::min(block, sequence.num_rows - first), first_key, num_keys, in.window},
          sequence, head);
    }
  }

  void run(const RowRange& sequence, int64_t g) {
    const int64_t rows = sequence.num_rows, heads = in.q_NHK.size(1) / in.k_NGK.size(1);
    clear(d_k, rows);
    clear(d_v, rows);
    for (int64_t head = g * heads; head < (g + 1) * heads; ++head) {
      clear(d_q, rows);
      sum_shifts(sequence, head);
      for (int64_t key = 0; key < rows; key += block) flow_to_block(sequence, g, head, key);
      store_rows(d_q, gradients.q_NHK, head, sequence.first_row, rows);
    }
    store_rows(d_k, gradients.k_NGK, g, sequence.first_row, rows);
    store_rows(d_v, gradients.v_NGV, g, sequence.first_row, rows);
  }
};

template <class A>
void packed_attention_backward_of(const PackedAttentionIn& in, const PackedAttentionTrace& trace,
                                  PackedAttentionGradients& gradients) {
  const int64_t groups = in.k_NGK.size(1);
  const auto tasks = static_cast<int64_t>(in.sequences.size()) * groups;
  at::parallel_for(0, tasks, 1, [&](int64_t begin, int64_t end) {
    PackedBackwardWalk<A> walk(in, trace, gradients);
    for (int64_t i = begin; i < end; ++i) walk.run(in.sequences[i / groups], i % groups);
  });
}

void packed_attention_backward_dispatch(const PackedAttentionIn& in,
                                        const PackedAttentionTrace& trace,
                                        PackedAttentionGradients& gradients) {
  if (trace.log_sums_HN.scalar_type() == at::kDouble) {
    return packed_attention_backward_of<double>(in, trace, gradients);
  }
  packed_attention_backward_of<float>(in, trace, gradients);
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hylo::kernels::cpu {
HWY_EXPORT(packed_attention_backward_dispatch);
void packed_attention_backward(const PackedAttentionIn& in, const PackedAttentionTrace& trace,
                               PackedAttentionGradients& gradients) {
  HWY_DYNAMIC_DISPATCH(packed_attention_backward_dispatch)(in, trace, gradients);
}
}  // namespace hylo::kernels::cpu
#endif
