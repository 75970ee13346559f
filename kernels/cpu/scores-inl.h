// How the rows of a chunk see one another, with the decay between them:
//   of queries [n, n]: i, j <- sum over k of q_i[k] k_j[k] decay_ij[k] for j <= i
//   of keys    [n, n]: i, j <- sum over k of k_i[k] k_j[k] decay_ij[k] for j < i
// and the gradients that flow back through them. Included once per target.
#if defined(HYLO_KERNELS_CPU_SCORES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef HYLO_KERNELS_CPU_SCORES_INL
#undef HYLO_KERNELS_CPU_SCORES_INL
#else
#define HYLO_KERNELS_CPU_SCORES_INL
#endif

#include "kernels/cpu/chunk-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {

/// Gradients of the scores, and where they flow to. What a row gets as the reader (i) and as the
/// one that is read (j) is kept apart: their decays have opposite gradients.
template <class A>
struct ScoreGradients {
  Matrix<A> of_queries, of_keys;      ///< [n, n], overwritten
  Matrix<A> q, k_reading, k_written;  ///< added to
};

/// One decay for the head: products of all rows, times the decays between them.
template <class A>
struct HeadScores {
  using C = Chunk<A, false>;
  using D = hn::ScalableTag<A>;
  Matrix<A> k_turned, between;

  static int64_t num_elements(int64_t key_width) {
    return (key_width + C::rows) * C::step_of(C::rows);
  }
  HeadScores(const C& chunk, Arena<A>& arena)
      : k_turned(arena.take(chunk.key_width, C::step_of(C::rows))),
        between(arena.take(C::rows, C::step_of(C::rows))) {}

  /// between[i][j] = decay[j + 1] ... decay[i]
  void fill_between(const C& chunk) {
    for (int64_t i = 0; i < chunk.n; ++i) {
      const auto decay = hn::Set(D(), chunk.decay.at[i]);
      for_each_vector<A>(i, [&](int64_t j) {
        hn::StoreU(hn::Mul(decay, hn::LoadU(D(), between.row(i - 1) + j)), D(), between.row(i) + j);
      });
      between.row(i)[i] = 1;
    }
  }

  /// m[i][j] *= between[i][j] for j < i + num_seen, zero beyond: what stands there may be NaN.
  void weigh(Matrix<A> m, int64_t n, int64_t num_seen) const {
    const D d;
    for (int64_t i = 0; i < n; ++i) {
      const auto end = hn::Set(d, static_cast<A>(i + num_seen));
      for_each_vector<A>(n, [&](int64_t j) {
        const auto seen = hn::Lt(hn::Iota(d, static_cast<A>(j)), end);
        const auto value = hn::Mul(hn::LoadU(d, m.row(i) + j), hn::LoadU(d, between.row(i) + j));
        hn::StoreU(hn::IfThenElseZero(seen, value), d, m.row(i) + j);
      });
    }
  }

  void score(const C& chunk, Matrix<A> of_queries, Matrix<A> of_keys) {
    transpose(chunk.k, k_turned, chunk.n, chunk.key_width);
    fill_between(chunk);
    multiply_to_lower(chunk.q, k_turned, of_queries, chunk.n, chunk.key_width);
    weigh(of_queries, chunk.n, 1);
    if (!chunk.has_delta) return;
    multiply_to_lower(chunk.k, k_turned, of_keys, chunk.n, chunk.key_width);
    weigh(of_keys, chunk.n, 0);
  }

  void flow_back(const C& chunk, const ScoreGradients<A>& gradients) {
    const int64_t n = chunk.n, width = chunk.key_width;
    weigh(gradients.of_queries, n, 0);
    multiply_add_lower(gradients.of_queries, chunk.k, gradients.q, n, width);
    multiply_add_lower_turned(gradients.of_queries, chunk.q, gradients.k_written, n, width);
    if (!chunk.has_delta) return;
    weigh(gradients.of_keys, n, 0);
    multiply_add_lower(gradients.of_keys, chunk.k, gradients.k_reading, n, width);
    multiply_add_lower_turned(gradients.of_keys, chunk.k, gradients.k_written, n, width);
  }
};

/// A decay per channel: it cannot be taken out of the sum over channels, and to split it into a
/// factor of i and one of j would make one of them overflow. In bands of rows, however, it can be
/// split at the first row of the band for all rows before the band, both factors at most 1; inside
/// a band the pairs are walked one by one, the decay growing by one factor per step.
/// Source: Yang et al. 2023 (arXiv 2312.06635), section 4.3, secondary chunking.
template <class A>
struct ChannelScores {
  using C = Chunk<A, true>;
  using D = hn::ScalableTag<A>;
  using V = hn::Vec<D>;
  Matrix<A> to_band;         ///< the decay from row j to the first row of the band
  Matrix<A> since_band;      ///< from there to row i of the band
  Matrix<A> k_before;        ///< keys of the rows before the band, times to_band
  Matrix<A> k_turned;        ///< the same, transposed
  Matrix<A> q_band, k_band;  ///< rows of the band, times since_band
  Matrix<A> flowed;
  Matrix<A> decayed;  ///< one row

  static int64_t num_elements(int64_t key_width) {
    const int64_t step = C::step_of(key_width);
    return (3 * C::rows + 3 * band_rows + 1) * step + key_width * C::step_of(C::rows);
  }
  ChannelScores(const C& chunk, Arena<A>& arena) {
    for (auto* m : {&to_band, &k_before, &flowed}) *m = arena.take(C::rows, chunk.key_step);
    for (auto* m : {&since_band, &q_band, &k_band}) *m = arena.take(band_rows, chunk.key_step);
    k_turned = arena.take(chunk.key_width, C::step_of(C::rows));
    decayed = arena.take(1, chunk.key_step);
  }

  HWY_INLINE static V get(Matrix<A> m, int64_t i, int64_t c) {
    return hn::LoadU(D(), m.row(i) + c);
  }
  HWY_INLINE static void put(V value, Matrix<A> m, int64_t i, int64_t c) {
    hn::StoreU(value, D(), m.row(i) + c);
  }

  /// Splits the decays at row `first`; the bands before it have been split already.
  void split_at(const C& chunk, int64_t first, int64_t rows) const {
    for_each_vector<A>(chunk.key_width, [&](int64_t c) {
      auto whole = hn::Set(D(), A(1));
      int64_t j = first - 1;
      for (; j >= std::max<int64_t>(0, first - band_rows); --j) {
        whole = hn::Mul(whole, get(chunk.decay, j + 1, c));
        put(whole, to_band, j, c);
      }
      for (; j >= 0; --j) put(hn::Mul(get(to_band, j, c), whole), to_band, j, c);
      for (j = 0; j < first; ++j) {
        put(hn::Mul(get(chunk.k, j, c), get(to_band, j, c)), k_before, j, c);
      }
      auto since = hn::Set(D(), A(1));
      for (int64_t i = 0; i < rows; ++i) {
        if (i > 0) since = hn::Mul(since, get(chunk.decay, first + i, c));
        put(since, since_band, i, c);
        put(hn::Mul(get(chunk.q, first + i, c), since), q_band, i, c);
        put(hn::Mul(get(chunk.k, first + i, c), since), k_band, i, c);
      }
    });
  }

  /// Pairs within the band, and zeros above the diagonal.
  void score_band(const C& chunk, int64_t first, int64_t rows, Matrix<A> of_queries,
                  Matrix<A> of_keys) const {
    for (int64_t j = first; j < first + rows; ++j) {
      for (int64_t i = first; i <= j; ++i) of_queries.row(i)[j] = of_keys.row(i)[j] = 0;
      for (int64_t i = j; i < first + rows; ++i) {
        auto by_query = hn::Zero(D()), by_key = hn::Zero(D());
        for_each_vector<A>(chunk.key_width, [&](int64_t c) {
          const auto key =
              i == j ? get(chunk.k, j, c) : hn::Mul(get(decayed, 0, c), get(chunk.decay, i, c));
          put(key, decayed, 0, c);
          by_query = hn::MulAdd(get(chunk.q, i, c), key, by_query);
          by_key = hn::MulAdd(get(chunk.k, i, c), key, by_key);
        });
        of_queries.row(i)[j] = hn::GetLane(hn::SumOfLanes(D(), by_query));
        if (i > j) of_keys.row(i)[j] = hn::GetLane(hn::SumOfLanes(D(), by_key));
      }
    }
  }

  void score(const C& chunk, Matrix<A> of_queries, Matrix<A> of_keys) {
    const int64_t width = chunk.key_width;
    for_each_band(chunk.n, [&](int64_t first, int64_t rows) {
      if (first > 0) {
        split_at(chunk, first, rows);
        transpose(k_before, k_turned, first, width);
        multiply(plain(q_band), k_turned, of_queries.from(first), {rows, first, width});
        multiply(plain(k_band), k_turned, of_keys.from(first), {rows, first, width});
      }
      score_band(chunk, first, rows, of_queries, of_keys);
    });
  }

  void flow_back_in_band(const C& chunk, int64_t first, int64_t end,
                         const ScoreGradients<A>& gradients) const {
    const auto of_queries = [&](int64_t i, int64_t j) {
      return hn::Set(D(), gradients.of_queries.row(i)[j]);
    };
    const auto of_keys = [&](int64_t i, int64_t j) {
      return hn::Set(D(), gradients.of_keys.row(i)[j]);
    };
    const auto add = [](V a, V b, Matrix<A> m, int64_t i, int64_t c) {
      put(hn::MulAdd(a, b, get(m, i, c)), m, i, c);
    };
    for_each_vector<A>(chunk.key_width, [&](int64_t c) {
      for (int64_t j = first; j < end; ++j) {
        auto key = get(chunk.k, j, c);
        for (int64_t i = j + 1; i < end; ++i) {
          key = hn::Mul(key, get(chunk.decay, i, c));
          add(of_queries(i, j), key, gradients.q, i, c);
          add(of_keys(i, j), key, gradients.k_reading, i, c);
        }
        auto written = hn::Zero(D());
        for (int64_t i = end - 1; i > j; --i) {
          written = hn::MulAdd(of_queries(i, j), get(chunk.q, i, c), written);
          written = hn::MulAdd(of_keys(i, j), get(chunk.k, i, c), written);
          written = hn::Mul(written, get(chunk.decay, i, c));
        }
        put(hn::Add(written, get(gradients.k_written, j, c)), gradients.k_written, j, c);
      }
    });
  }

  /// to[i] += decays[i] * flowed[i]
  void add_flowed(Matrix<A> decays, Matrix<A> to, int64_t rows, int64_t width) const {
    for (int64_t i = 0; i < rows; ++i) {
      for_each_vector<A>(width, [&](int64_t c) {
        put(hn::MulAdd(get(decays, i, c), get(flowed, i, c), get(to, i, c)), to, i, c);
      });
    }
  }

  void flow_back(const C& chunk, const ScoreGradients<A>& gradients) {
    const int64_t width = chunk.key_width;
    for_each_band(chunk.n, [&](int64_t first, int64_t rows) {
      flow_back_in_band(chunk, first, first + rows, gradients);
      if (first == 0) return;
      split_at(chunk, first, rows);
      const auto of_queries = gradients.of_queries.from(first);
      const auto of_keys = gradients.of_keys.from(first);
      multiply(plain(of_queries), k_before, flowed, {rows, width, first});
      add_flowed(since_band, gradients.q.from(first), rows, width);
      multiply(plain(of_keys), k_before, flowed, {rows, width, first});
      add_flowed(since_band, gradients.k_reading.from(first), rows, width);
      multiply(turned(of_queries), q_band, flowed, {first, width, rows});
      multiply_add(turned(of_keys), k_band, flowed, {first, width, rows});
      add_flowed(to_band, gradients.k_written, first, width);
    });
  }
};

template <class A, bool per_channel>
using Scores = std::conditional_t<per_channel, ChannelScores<A>, HeadScores<A>>;

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
