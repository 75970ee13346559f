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
#include <hwy/contrib/math/math-inl.h>
// clang-format on

#include <ATen/Parallel.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "harness/base/error.h"
#include "kernels/cpu/convert-inl.h"
#include "kernels/cpu/rows.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t block_tokens = 64;
constexpr int64_t queries_of_a_tile = 64;

/// What one thread needs: buffers for a tile of M queries and a block of keys and values.
template <class A>
struct Tile {
  Tile(int64_t num_queries, int64_t key_width, int64_t value_width)
      : padded_keys(padded<A>(key_width)),
        padded_values(padded<A>(value_width)),
        queries(num_queries * padded_keys),
        keys(block_tokens * padded_keys),
        values(block_tokens * padded_values),
        scores(num_queries * block_tokens),
        sums(num_queries * padded_values),
        maxima(num_queries),
        totals(num_queries) {}

  int64_t padded_keys, padded_values;
  std::vector<A> queries, keys, values, scores, sums, maxima, totals;
};

/// scores[j] = sum over k of query[k] * keys[k][j]: a vector holds keys, so nothing is summed
/// across its lanes, and the order of the sum is that of k whatever the tile.
template <class A>
HWY_INLINE void dot_block(const A* HWY_RESTRICT query, const A* HWY_RESTRICT keys_KS,
                          A* HWY_RESTRICT scores, int64_t key_width) {
  const hn::ScalableTag<A> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t j = 0; j < block_tokens; j += lanes) {
    auto sum = hn::Zero(d);
    for (int64_t k = 0; k < key_width; ++k) {
      sum = hn::MulAdd(hn::Set(d, query[k]), hn::LoadU(d, keys_KS + k * block_tokens + j), sum);
    }
    hn::StoreU(sum, d, scores + j);
  }
}

/// The largest of a block; NaN when one of them is.
template <class A>
HWY_INLINE A maximum_of(const A* HWY_RESTRICT scores) {
  const hn::ScalableTag<A> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto largest = hn::Set(d, -std::numeric_limits<A>::infinity());
  bool has_nan = false;
  for (int64_t j = 0; j < block_tokens; j += lanes) {
    const auto score = hn::LoadU(d, scores + j);
    has_nan = has_nan || !hn::AllTrue(d, hn::Eq(score, score));
    largest = hn::Max(largest, score);
  }
  return has_nan ? std::numeric_limits<A>::quiet_NaN() : hn::GetLane(hn::MaxOfLanes(d, largest));
}

/// exp(score - maximum) in place; returns their sum. `scores` holds a whole block, -inf where
/// masked.
template <class A>
HWY_INLINE A exponentials(A* HWY_RESTRICT scores, A maximum) {
  if (maximum != maximum) return maximum;  // Highway's Exp makes 0 of NaN.
  const hn::ScalableTag<A> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto total = hn::Zero(d);
  const auto max = hn::Set(d, maximum);
  const auto masked = hn::Set(d, -std::numeric_limits<A>::infinity());
  for (int64_t i = 0; i < block_tokens; i += lanes) {
    const auto score = hn::LoadU(d, scores + i);
    const auto e = hn::IfThenZeroElse(hn::Eq(score, masked), hn::Exp(d, hn::Sub(score, max)));
    hn::StoreU(e, d, scores + i);
    total = hn::Add(total, e);
  }
  return hn::GetLane(hn::SumOfLanes(d, total));
}

/// sums = sums * factor + weights[0..n) * values. Four partial sums, so that a product need not
/// wait for the one before it.
template <class A>
HWY_INLINE void add_weighted(A* HWY_RESTRICT sums, A factor, const A* HWY_RESTRICT weights,
                             const A* HWY_RESTRICT values, int64_t n, int64_t width) {
  const hn::ScalableTag<A> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t c = 0; c < width; c += lanes) {
    auto a0 = hn::Mul(hn::LoadU(d, sums + c), hn::Set(d, factor));
    auto a1 = hn::Zero(d), a2 = hn::Zero(d), a3 = hn::Zero(d);
    const auto value = [&](int64_t j) { return hn::LoadU(d, values + j * width + c); };
    int64_t j = 0;
    for (; j + 4 <= n; j += 4) {
      a0 = hn::MulAdd(hn::Set(d, weights[j]), value(j), a0);
      a1 = hn::MulAdd(hn::Set(d, weights[j + 1]), value(j + 1), a1);
      a2 = hn::MulAdd(hn::Set(d, weights[j + 2]), value(j + 2), a2);
      a3 = hn::MulAdd(hn::Set(d, weights[j + 3]), value(j + 3), a3);
    }
    for (; j < n; ++j) a0 = hn::MulAdd(hn::Set(d, weights[j]), value(j), a0);
    hn::StoreU(hn::Add(hn::Add(a0, a1), hn::Add(a2, a3)), d, sums + c);
  }
}

/// Queries [first, first + rows) of one sequence and all query heads of key/value head g.
template <class T>
struct Walk {
  using A = Compute<T>;
  const AttentionIn& in;
  const PagedRows& sequence;
  int64_t g, first, rows;
  Tile<A>& tile;

  int64_t heads_of_group() const { return in.q_NHK.size(1) / in.keys_PSGK.size(2); }
  int64_t position(int64_t m) const { return sequence.num_past + first + m / heads_of_group(); }
  int64_t first_key(int64_t at) const {
    return in.window ? std::max<int64_t>(0, at - *in.window + 1) : 0;
  }

  void load_queries() {
    const int64_t width = in.q_NHK.size(2), heads = heads_of_group();
    const T* q = static_cast<const T*>(in.q_NHK.const_data_ptr());
    for (int64_t m = 0; m < rows * heads; ++m) {
      const int64_t row = sequence.first_row + first + m / heads;
      A* to = &tile.queries[m * tile.padded_keys];
      widen(q + (row * in.q_NHK.size(1) + g * heads + m % heads) * width, to, width);
      for (int64_t i = 0; i < width; ++i) to[i] *= static_cast<A>(in.scale);
      tile.maxima[m] = -std::numeric_limits<A>::infinity();
      tile.totals[m] = 0;
      std::fill_n(&tile.sums[m * tile.padded_values], tile.padded_values, A(0));
    }
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

  /// Keys lie with the token last; both are widened on the way.
  void load_block(int64_t begin, int64_t end) {
    const int64_t key_width = in.keys_PSGK.size(3), value_width = in.values_PSGV.size(3);
    for_each_row(in.keys_PSGK, begin, end, [&](int64_t j, const T* row) {
      A* HWY_RESTRICT to = tile.keys.data() + j;
      for (int64_t k = 0; k < key_width; ++k)
        to[k * block_tokens] = row ? static_cast<A>(row[k]) : A(0);
    });
    for_each_row(in.values_PSGV, begin, end, [&](int64_t j, const T* row) {
      A* to = &tile.values[j * tile.padded_values];
      row ? widen(row, to, value_width) : void(std::fill_n(to, value_width, A(0)));
    });
  }

  void score_block(int64_t m, int64_t begin, int64_t end) {
    constexpr A masked = -std::numeric_limits<A>::infinity();
    const int64_t first_seen = std::max<int64_t>(0, first_key(position(m)) - begin);
    const int64_t end_seen = std::min(end, position(m) + 1) - begin;
    if (first_seen >= end_seen) return;
    A* scores = &tile.scores[m * block_tokens];
    dot_block(&tile.queries[m * tile.padded_keys], tile.keys.data(), scores, in.keys_PSGK.size(3));
    std::fill(scores, scores + first_seen, masked);
    std::fill(scores + end_seen, scores + block_tokens, masked);
    const A maximum = maximum_of(scores);
    if (maximum == masked) return;
    A factor = 1;
    if (!(maximum <= tile.maxima[m])) {
      factor = tile.totals[m] == 0 ? A(0) : std::exp(tile.maxima[m] - maximum);
      tile.maxima[m] = maximum;
    }
    tile.totals[m] = tile.totals[m] * factor + exponentials(scores, tile.maxima[m]);
    // Only what is seen: a weight of 0 times a NaN that is not seen would be NaN.
    add_weighted(&tile.sums[m * tile.padded_values], factor, scores + first_seen,
                 &tile.values[first_seen * tile.padded_values], end_seen - first_seen,
                 tile.padded_values);
  }

  void store(at::Tensor& out_NHV) {
    const int64_t width = out_NHV.size(2), heads = heads_of_group();
    T* out = static_cast<T*>(out_NHV.mutable_data_ptr());
    for (int64_t m = 0; m < rows * heads; ++m) {
      const int64_t row = sequence.first_row + first + m / heads;
      A* sums = &tile.sums[m * tile.padded_values];
      for (int64_t i = 0; i < width; ++i) sums[i] /= tile.totals[m];
      narrow<T>(sums, out + (row * out_NHV.size(1) + g * heads + m % heads) * width, width);
    }
  }

  void run(at::Tensor& out_NHV) {
    load_queries();
    const int64_t begin = first_key(position(0)) / block_tokens * block_tokens;
    const int64_t end = sequence.num_past + first + rows;
    for (int64_t block = begin; block < end; block += block_tokens) {
      const int64_t block_end = std::min(end, block + block_tokens);
      load_block(block, block_end);
      for (int64_t m = 0; m < rows * heads_of_group(); ++m) score_block(m, block, block_end);
    }
    store(out_NHV);
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

template <class T>
void attention_of(const AttentionIn& in, at::Tensor& out_NHV) {
  const auto work = split_work(in);
  // Small calls (a decode step of a small model) are not worth waking the other threads.
  at::parallel_for(0, static_cast<int64_t>(work.size()), 4, [&](int64_t begin, int64_t end) {
    const int64_t heads_of_group = in.q_NHK.size(1) / in.keys_PSGK.size(2);
    Tile<Compute<T>> tile(std::max(queries_of_a_tile, heads_of_group), in.keys_PSGK.size(3),
                          in.values_PSGV.size(3));
    for (int64_t i = begin; i < end; ++i) {
      Walk<T>{in, in.sequences[work[i].sequence], work[i].g, work[i].first, work[i].rows, tile}.run(
          out_NHV);
    }
  });
}

void attention_dispatch(const AttentionIn& in, at::Tensor& out_NHV) {
  switch (in.q_NHK.scalar_type()) {
    case at::kFloat:
      return attention_of<float>(in, out_NHV);
    case at::kDouble:
      return attention_of<double>(in, out_NHV);
    case at::kBFloat16:
      return attention_of<c10::BFloat16>(in, out_NHV);
    default:
      fail("attention: float32, float64 and bfloat16 are served, found {}",
           c10::toString(in.q_NHK.scalar_type()));
  }
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hylo::kernels::cpu {
HWY_EXPORT(attention_dispatch);
void attention(const AttentionIn& in, at::Tensor& out_NHV) {
  HWY_DYNAMIC_DISPATCH(attention_dispatch)(in, out_NHV);
}
}  // namespace hylo::kernels::cpu
#endif
