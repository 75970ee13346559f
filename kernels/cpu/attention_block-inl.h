// Scores of a block of queries against a block of keys, both of one sequence. Included once per
// target.
#if defined(HYLO_KERNELS_CPU_ATTENTION_BLOCK_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef HYLO_KERNELS_CPU_ATTENTION_BLOCK_INL
#undef HYLO_KERNELS_CPU_ATTENTION_BLOCK_INL
#else
#define HYLO_KERNELS_CPU_ATTENTION_BLOCK_INL
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <optional>

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

/// row[j] <- exp(scale row[j] - shift) for the keys seen, [first, end), and 0 for the others;
/// returns their sum. NaN stays NaN, of which Highway's Exp would make 0.
template <class A>
HWY_INLINE A exponentials_of_row(A* HWY_RESTRICT row, int64_t first, int64_t end, int64_t step,
                                 A scale, A shift) {
  const hn::ScalableTag<A> d;
  const auto scales = hn::Set(d, scale), shifts = hn::Set(d, -shift), zero = hn::Zero(d);
  const auto begin = hn::Set(d, static_cast<A>(first)), stop = hn::Set(d, static_cast<A>(end));
  auto total = zero;
  for_each_vector<A>(step, [&](int64_t c) {
    const auto place = hn::Add(hn::Iota(d, A(0)), hn::Set(d, static_cast<A>(c)));
    const auto is_seen = hn::And(hn::Ge(place, begin), hn::Lt(place, stop));
    const auto x = hn::MulAdd(hn::LoadU(d, row + c), scales, shifts);
    const auto e = hn::IfThenElse(hn::Eq(x, x), hn::Exp(d, x), x);
    const auto seen = hn::IfThenElseZero(is_seen, e);
    hn::StoreU(seen, d, row + c);
    total = hn::Add(total, seen);
  });
  return hn::GetLane(hn::SumOfLanes(d, total));
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
