// A tile of queries that share a key/value head walks over the keys in blocks that begin at
// multiples of block_tokens, with an online softmax. The blocks of a query do not depend on its
// tile, so neither do its bits.
// Highway wants this order.
// clang-format off
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/attention.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include <ATen/Parallel.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "kernels/cpu/attention_block-inl.h"
#include "kernels/cpu/partial_attention.h"
#include "kernels/cpu/rows.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t block_tokens = attention_block_rows;
constexpr int64_t queries_of_a_tile = 64;

/// What one thread needs: buffers for a tile of M queries and a block of keys and values.
template <class A>
struct Tile {
  Tile(int64_t num_queries, int64_t key_width, int64_t value_width)
      : arena(num_queries * (padded<A>(key_width) + padded<A>(value_width) + block_tokens) +
              block_tokens * (padded<A>(key_width) + padded<A>(value_width) + key_width)),
        queries(arena.take(num_queries, padded<A>(key_width))),
        keys(arena.take(block_tokens, padded<A>(key_width))),
        keys_turned(arena.take(key_width, block_tokens)),
        values(arena.take(block_tokens, padded<A>(value_width))),
        scores(arena.take(num_queries, block_tokens)),
        softmax(arena, num_queries, value_width) {}

  Arena<A> arena;
  Matrix<A> queries, keys, keys_turned, values, scores;
  OnlineSoftmax<A> softmax;
};

/// Queries [first, first + rows) of one sequence and all query heads of key/value head g.
template <class T>
struct Walk {
  using A = Compute<T>;
  const AttentionIn& in;
  const PagedRows& sequence;
  int64_t g, first, rows;
  Tile<A>& tile;

  int64_t heads_of_group() const { return in.q_NHK.size(1) / in.keys_PSGK.size(2); }
  int64_t first_key(int64_t at) const {
    return in.window ? std::max<int64_t>(0, at - *in.window + 1) : 0;
  }

  void load_queries() {
    const int64_t width = in.q_NHK.size(2), heads = heads_of_group();
    const T* q = static_cast<const T*>(in.q_NHK.const_data_ptr());
    for (int64_t m = 0; m < rows * heads; ++m) {
      const int64_t row = sequence.first_row + first + m / heads;
      widen(q + (row * in.q_NHK.size(1) + g * heads + m % heads) * width, tile.queries.row(m),
            width);
    }
    tile.softmax.begin(rows * heads);
  }

  /// Calls take(j, row) for the tokens of a block; nothing for pages before every window of this
  /// tile.
  template <class Take>
  void for_each_row(const at::Tensor& pages, int64_t begin, int64_t end, Take&& take) {
    const int64_t page_tokens = pages.size(1);
    const T* base = static_cast<const T*>(pages.const_data_ptr()) + g * pages.stride(2);
    for (int64_t key = begin; key < end; ++key) {
      const int64_t page = sequence.pages[key / page_tokens];
      take(key - begin, page < 0
                            ? nullptr
                            : base + page * pages.stride(0) + key % page_tokens * pages.stride(1));
    }
  }

  void load_block(int64_t begin, int64_t end) {
    const int64_t key_width = in.keys_PSGK.size(3), value_width = in.values_PSGV.size(3);
    const auto load = [&](const at::Tensor& pages, Matrix<A> to, int64_t width) {
      for_each_row(pages, begin, end, [&](int64_t j, const T* row) {
        row ? widen(row, to.row(j), width) : void(std::fill_n(to.row(j), width, A(0)));
      });
    };
    load(in.keys_PSGK, tile.keys, key_width);
    load(in.values_PSGV, tile.values, value_width);
    transpose(tile.keys, tile.keys_turned, end - begin, key_width);
  }

  /// Tokens [first, end) of a block, seen by the queries of one row.
  struct Seen {
    int64_t first, end;
  };
  Seen seen_of(int64_t row, int64_t begin, int64_t end) const {
    const int64_t at = sequence.num_past + first + row;
    return {std::max<int64_t>(0, first_key(at) - begin), std::min(end, at + 1) - begin};
  }

  /// Rows that see all of a block go together; the others see a part each, and what they do not see
  /// is never multiplied: a weight of 0 times a NaN would be NaN.
  void add_block(int64_t begin, int64_t end) {
    const int64_t heads = heads_of_group(), width = in.values_PSGV.size(3);
    const auto add = [&](int64_t row, int64_t num_rows, Seen seen) {
      if (seen.first >= seen.end) return;
      multiply_add(plain(tile.scores.from(row * heads, seen.first)), tile.values.from(seen.first),
                   tile.softmax.sums.from(row * heads),
                   {num_rows * heads, width, seen.end - seen.first});
    };
    int64_t first_whole = rows, num_whole = 0;
    for (int64_t row = 0; row < rows; ++row) {
      const auto seen = seen_of(row, begin, end);
      if (seen.first > 0 || seen.end < block_tokens) {
        add(row, 1, seen);
        continue;
      }
      first_whole = std::min(first_whole, row);
      ++num_whole;
    }
    if (num_whole > 0) add(first_whole, num_whole, {0, block_tokens});
  }

  void score_block(int64_t begin, int64_t end) {
    const int64_t heads = heads_of_group();
    // The rows of a tile lie in order, so those before the block are the first.
    const int64_t before = std::clamp<int64_t>(begin - sequence.num_past - first, 0, rows) * heads;
    multiply(plain(tile.queries.from(before)), tile.keys_turned, tile.scores.from(before),
             {rows * heads - before, block_tokens, in.keys_PSGK.size(3)});
    for (int64_t m = 0; m < rows * heads; ++m) {
      const auto seen = seen_of(m / heads, begin, end);
      tile.softmax.weigh(m, tile.scores.row(m), block_tokens, seen.first, seen.end,
                         static_cast<A>(in.scale));
    }
    add_block(begin, end);
  }

  /// Where query m of the tile lies among all queries of all heads.
  int64_t place_of(int64_t m) const {
    const int64_t heads = heads_of_group(), row = sequence.first_row + first + m / heads;
    return row * in.q_NHK.size(1) + g * heads + m % heads;
  }

  void store(const at::Tensor& out_NHV) {
    const int64_t width = out_NHV.size(2);
    T* out = static_cast<T*>(out_NHV.mutable_data_ptr());
    for (int64_t m = 0; m < rows * heads_of_group(); ++m) {
      tile.softmax.finish(m);
      narrow<T>(tile.softmax.sums.row(m), out + place_of(m) * width, width);
    }
  }

  void store_part(const PartialAttention& part) {
    const int64_t width = part.out_NHV.size(2);
    A* out = part.out_NHV.mutable_data_ptr<A>();
    A* log_sums = part.log_sum_NH.mutable_data_ptr<A>();
    for (int64_t m = 0; m < rows * heads_of_group(); ++m) {
      log_sums[place_of(m)] = tile.softmax.log_sum(m);
      // Scores of minus infinity alone are a part that weighs nothing.
      if (tile.softmax.totals[m] != 0) tile.softmax.finish(m);
      narrow<A>(tile.softmax.sums.row(m), out + place_of(m) * width, width);
    }
  }

  void walk(int64_t num_keys) {
    load_queries();
    const int64_t begin = first_key(sequence.num_past + first) / block_tokens * block_tokens;
    const int64_t end = std::min(sequence.num_past + first + rows, num_keys);
    for (int64_t block = begin; block < end; block += block_tokens) {
      const int64_t block_end = std::min(end, block + block_tokens);
      load_block(block, block_end);
      score_block(block, block_end);
    }
  }
};

struct Work {
  size_t sequence;
  int64_t g, first, rows;
};

std::vector<Work> split_work(const AttentionIn& in) {
  const int64_t groups = in.keys_PSGK.size(2);
  const int64_t rows_of_a_tile =
      std::max<int64_t>(1, queries_of_a_tile / (in.q_NHK.size(1) / groups));
  std::vector<Work> work;
  for (size_t s = 0; s < in.sequences.size(); ++s) {
    for (int64_t first = 0; first < in.sequences[s].num_rows; first += rows_of_a_tile) {
      const int64_t rows = std::min(rows_of_a_tile, in.sequences[s].num_rows - first);
      for (int64_t g = 0; g < groups; ++g) work.push_back({s, g, first, rows});
    }
  }
  return work;
}

/// Calls finish(walk) for every tile, which has walked over the first `num_keys` keys.
template <class T, class Finish>
void for_each_tile(const AttentionIn& in, int64_t num_keys, const Finish& finish) {
  const auto work = split_work(in);
  // Small calls (a decode step of a small model) are not worth waking the other threads.
  at::parallel_for(0, static_cast<int64_t>(work.size()), 4, [&](int64_t begin, int64_t end) {
    const int64_t heads_of_group = in.q_NHK.size(1) / in.keys_PSGK.size(2);
    Tile<Compute<T>> tile(std::max(queries_of_a_tile, heads_of_group), in.keys_PSGK.size(3),
                          in.values_PSGV.size(3));
    for (int64_t i = begin; i < end; ++i) {
      Walk<T> walk{in,  in.sequences[work[i].sequence], work[i].g, work[i].first, work[i].rows,
                   tile};
      walk.walk(num_keys);
      finish(walk);
    }
  });
}

void attention_dispatch(const AttentionIn& in, at::Tensor& out_NHV) {
  for_type("attention", in.q_NHK.scalar_type(), [&](auto t) {
    for_each_tile<decltype(t)>(in, std::numeric_limits<int64_t>::max(),
                               [&](auto& walk) { walk.store(out_NHV); });
  });
}

void partial_attention_dispatch(const AttentionIn& in, int64_t num_keys,
                                const PartialAttention& part) {
  for_type("partial_attention", in.q_NHK.scalar_type(), [&](auto t) {
    for_each_tile<decltype(t)>(in, num_keys, [&](auto& walk) { walk.store_part(part); });
  });
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hylo::kernels::cpu {
HWY_EXPORT(attention_dispatch);
HWY_EXPORT(partial_attention_dispatch);
void attention(const AttentionIn& in, at::Tensor& out_NHV) {
  HWY_DYNAMIC_DISPATCH(attention_dispatch)(in, out_NHV);
}
void partial_attention(const AttentionIn& in, int64_t num_keys, const PartialAttention& part) {
  HWY_DYNAMIC_DISPATCH(partial_attention_dispatch)(in, num_keys, part);
}
}  // namespace hylo::kernels::cpu
#endif
