// A block of queries of one head walks over the blocks of keys that it sees, with an online
// softmax.
// Highway wants this order.
// clang-format off
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/packed_attention.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include "kernels/cpu/packed_attention.h"

#include <ATen/Parallel.h>

#include <vector>

#include "harness/base/error.h"
#include "kernels/cpu/attention_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class A>
struct PackedWalk {
  static constexpr int64_t block = attention_block_rows;

  const PackedAttentionIn& in;
  at::Tensor& out_NHV;
  A* log_sums;
  int64_t key_width, value_width;
  Arena<A> arena;
  Matrix<A> q, rows, keys_turned, values, scores;
  OnlineSoftmax<A> softmax;

  static int64_t num_elements(int64_t keys, int64_t values) {
    return block * (2 * padded<A>(keys) + 2 * padded<A>(values) + padded<A>(block)) +
           keys * padded<A>(block);
  }

  PackedWalk(const PackedAttentionIn& attention, at::Tensor& out, at::Tensor& log_sums_HN)
      : in(attention),
        out_NHV(out),
        log_sums(static_cast<A*>(log_sums_HN.mutable_data_ptr())),
        key_width(in.q_NHK.size(2)),
        value_width(in.v_NGV.size(2)),
        arena(num_elements(key_width, value_width)),
        q(arena.take(block, padded<A>(key_width))),
        rows(arena.take(block, padded<A>(key_width))),
        keys_turned(arena.take(key_width, padded<A>(block))),
        values(arena.take(block, padded<A>(value_width))),
        scores(arena.take(block, padded<A>(block))),
        softmax(arena, block, value_width) {}

  void run(const RowRange& sequence, int64_t head, int64_t first_query) {
    const int64_t n = std::min(block, sequence.num_rows - first_query);
    const int64_t g = head / (in.q_NHK.size(1) / in.k_NGK.size(1));
    load_rows(in.q_NHK, head, sequence.first_row + first_query, n, q);
    softmax.begin(n);
    for (int64_t first_key = first_block_seen(first_query, in.window); first_key <= first_query;
         first_key += block) {
      const BlockPair pair{first_query, n, first_key,
                           std::min(block, sequence.num_rows - first_key), in.window};
      load_rows(in.k_NGK, g, sequence.first_row + first_key, pair.num_keys, rows);
      load_rows(in.v_NGV, g, sequence.first_row + first_key, pair.num_keys, values);
      transpose(rows, keys_turned, pair.num_keys, key_width);
      score_pair(pair, q, keys_turned, scores, key_width);
      for (int64_t i = 0; i < n; ++i) {
        softmax.weigh(i, scores.row(i), scores.step, pair.first_seen(i), pair.end_seen(i),
                      static_cast<A>(in.scale));
      }
      add_weighted_rows(pair, scores, values, softmax.sums, value_width);
    }
    finish(sequence.first_row + first_query, head, n);
  }

  void finish(int64_t first_row, int64_t head, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      softmax.finish(i);
      log_sums[head * in.q_NHK.size(0) + first_row + i] = softmax.log_sum(i);
    }
    store_rows(softmax.sums, out_NHV, head, first_row, n);
  }
};

struct QueryBlock {
  size_t sequence;
  int64_t head, first_query;
};

template <class A>
void packed_attention_of(const PackedAttentionIn& in, at::Tensor& out_NHV,
                         at::Tensor& log_sums_HN) {
  std::vector<QueryBlock> blocks;
  for (size_t s = 0; s < in.sequences.size(); ++s) {
    for (int64_t i = 0; i < in.sequences[s].num_rows; i += attention_block_rows) {
      for (int64_t head = 0; head < in.q_NHK.size(1); ++head) blocks.push_back({s, head, i});
    }
  }
  at::parallel_for(0, static_cast<int64_t>(blocks.size()), 4, [&](int64_t begin, int64_t end) {
    PackedWalk<A> walk(in, out_NHV, log_sums_HN);
    for (int64_t i = begin; i < end; ++i) {
      walk.run(in.sequences[blocks[i].sequence], blocks[i].head, blocks[i].first_query);
    }
  });
}

void packed_attention_dispatch(const PackedAttentionIn& in, at::Tensor& out_NHV,
                               at::Tensor& log_sums_HN) {
  if (log_sums_HN.scalar_type() == at::kDouble) {
    return packed_attention_of<double>(in, out_NHV, log_sums_HN);
  }
  packed_attention_of<float>(in, out_NHV, log_sums_HN);
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hylo::kernels::cpu {
HWY_EXPORT(packed_attention_dispatch);
void packed_attention(const PackedAttentionIn& in, at::Tensor& out_NHV, at::Tensor& log_sums_HN) {
  HWY_DYNAMIC_DISPATCH(packed_attention_dispatch)(in, out_NHV, log_sums_HN);
}
}  // namespace hylo::kernels::cpu
#endif
