// Scores of a block of queries against a block of keys, both of one sequence. Included once per
// target.
#if defined(HYLO_KERNELS_CPU_ATTENTION_BLOCK_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef HYLO_KERNELS_CPU_ATTENTION_BLOCK_INL
#undef HYLO_KERNELS_CPU_ATTENTION_BLOCK_INL
#else
#define HYLO_KERNELS_CPU_ATTENTION_BLOCK_INL
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "kernels/cpu/activations-inl.h"
#include "kernels/cpu/matrix_rows-inl.h"
#include "kernels/cpu/product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Blocks begin at multiples of this many rows of a sequence.
inline constexpr int64_t attention_block_rows = 64;

/// Which keys of a block the queries of another see; rows are counted from the block's first.
struct BlockPair {
  int64_t first_query, num_queries, first_key, num_keys;
  std::optional<int64_t> window;

  [[nodiscard]] bool is_diagonal() const { return first_query == first_key; }
  [[nodiscard]] int64_t first_seen(int64_t query) const {
    if (!window) return 0;
    return std::clamp<int64_t>(first_query + query - *window + 1 - first_key, 0, num_keys);
  }
  [[nodiscard]] int64_t end_seen(int64_t query) const {
    return std::min(num_keys, first_query + query + 1 - first_key);
  }
};

/// The first block of keys that queries from `first_query` on see.
HWY_INLINE int64_t first_block_seen(int64_t first_query, std::optional<int64_t> window) {
  if (!window) return 0;
  return std::max<int64_t>(0, first_query - *window + 1) / attention_block_rows *
         attention_block_rows;
}

/// scores = q keys_turned, [queries, keys]; of the block on the diagonal only the lower triangle.
template <class A>
HWY_INLINE void score_pair(const BlockPair& pair, Matrix<A> q, Matrix<A> keys_turned,
                           Matrix<A> scores, int64_t width) {
  if (pair.is_diagonal()) {
    return multiply_to_lower(q, keys_turned, scores, pair.num_queries, width);
  }
  multiply(plain(q), keys_turned, scores, {pair.num_queries, pair.num_keys, width});
}

/// out += weights right, for weights [queries, keys] that are zero where nothing is seen.
template <class A>
HWY_INLINE void add_weighted_rows(const BlockPair& pair, Matrix<A> weights, Matrix<A> right,
                                  Matrix<A> out, int64_t width) {
  if (pair.is_diagonal()) return multiply_add_lower(weights, right, out, pair.num_queries, width);
  multiply_add(plain(weights), right, out, {pair.num_queries, width, pair.num_keys});
}

/// out += weights^T right
template <class A>
HWY_INLINE void add_weighted_rows_turned(const BlockPair& pair, Matrix<A> weights, Matrix<A> right,
                                         Matrix<A> out, int64_t width) {
  if (pair.is_diagonal()) {
    return multiply_add_lower_turned(weights, right, out, pair.num_queries, width);
  }
  multiply_add(turned(weights), right, out, {pair.num_keys, width, pair.num_queries});
}

/// Whether the elements from c on lie in [first, end).
template <class D>
HWY_INLINE auto places_within(D d, int64_t c, int64_t first, int64_t end) {
  using A = hn::TFromD<D>;
  const auto place = hn::Iota(d, static_cast<A>(c));
  return hn::And(hn::Ge(place, hn::Set(d, static_cast<A>(first))),
                 hn::Lt(place, hn::Set(d, static_cast<A>(end))));
}

/// The largest of row[first, end); NaN when one of them is.
template <class A>
HWY_INLINE A maximum_of_row(const A* HWY_RESTRICT row, int64_t first, int64_t end, int64_t step) {
  const hn::ScalableTag<A> d;
  const auto nothing = hn::Set(d, -std::numeric_limits<A>::infinity());
  auto largest = nothing;
  auto unordered = hn::Zero(d);
  for_each_vector<A>(step, [&](int64_t c) {
    const auto x = hn::IfThenElse(places_within(d, c, first, end), hn::LoadU(d, row + c), nothing);
    unordered = hn::IfThenElse(hn::Eq(x, x), unordered, x);
    largest = hn::Max(largest, x);
  });
  if (!hn::AllTrue(d, hn::Eq(unordered, unordered))) return std::numeric_limits<A>::quiet_NaN();
  return hn::GetLane(hn::MaxOfLanes(d, largest));
}

/// row[j] <- exp(scale row[j] - shift) for j in [first, end) and 0 for the others; returns their
/// sum. NaN stays NaN.
template <class A>
HWY_INLINE A exponentials_of_row(A* HWY_RESTRICT row, int64_t first, int64_t end, int64_t step,
                                 A scale, A shift) {
  const hn::ScalableTag<A> d;
  const auto scales = hn::Set(d, scale), shifts = hn::Set(d, shift);
  auto total = hn::Zero(d);
  for_each_vector<A>(step, [&](int64_t c) {
    const auto x = hn::MulSub(hn::LoadU(d, row + c), scales, shifts);
    const auto seen = hn::IfThenElseZero(places_within(d, c, first, end), exponential(d, x));
    hn::StoreU(seen, d, row + c);
    total = hn::Add(total, seen);
  });
  return hn::GetLane(hn::SumOfLanes(d, total));
}

/// The softmax of a tile of queries whose scores come block by block, and the weighted sums of
/// their values.
template <class A>
struct OnlineSoftmax {
  Matrix<A> sums;
  std::vector<A> maxima, totals;

  OnlineSoftmax(Arena<A>& arena, int64_t rows, int64_t value_width)
      : sums(arena.take(rows, padded<A>(value_width))), maxima(rows), totals(rows) {}

  void begin(int64_t rows) {
    std::fill_n(sums.at, rows * sums.step, A(0));
    std::fill_n(maxima.begin(), rows, -std::numeric_limits<A>::infinity());
    std::fill_n(totals.begin(), rows, A(0));
  }

  /// Makes weights of the scores of query i, of which it sees [first, end); scale is above 0.
  void weigh(int64_t i, A* scores, int64_t step, int64_t first, int64_t end, A scale) {
    const A largest = first < end ? maximum_of_row(scores, first, end, step) * scale
                                  : -std::numeric_limits<A>::infinity();
    if (largest == -std::numeric_limits<A>::infinity()) {
      std::fill_n(scores, step, A(0));
      return;
    }
    if (!(largest <= maxima[i])) {
      const A factor = totals[i] == 0 ? A(0) : std::exp(maxima[i] - largest);
      maxima[i] = largest;
      shrink(i, factor);
    }
    totals[i] += exponentials_of_row(scores, first, end, step, scale, maxima[i]);
  }

  /// The weighted means, in place of the sums.
  void finish(int64_t i) {
    for (int64_t c = 0; c < sums.step; ++c) sums.row(i)[c] /= totals[i];
  }
  [[nodiscard]] A log_sum(int64_t i) const { return maxima[i] + std::log(totals[i]); }

 private:
  void shrink(int64_t i, A factor) {
    const hn::ScalableTag<A> d;
    totals[i] *= factor;
    for_each_vector<A>(sums.step, [&](int64_t c) {
      hn::StoreU(hn::Mul(hn::LoadU(d, sums.row(i) + c), hn::Set(d, factor)), d, sums.row(i) + c);
    });
  }
};

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
