// Products of small matrices that lie in the nearer caches. Included once per target.
#if defined(HYLO_KERNELS_CPU_PRODUCT_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef HYLO_KERNELS_CPU_PRODUCT_INL
#undef HYLO_KERNELS_CPU_PRODUCT_INL
#else
#define HYLO_KERNELS_CPU_PRODUCT_INL
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {

/// Row-major; a row is padded to whole vectors.
template <class A>
struct Matrix {
  A* at = nullptr;
  int64_t step = 0;  ///< from row to row

  A* row(int64_t i) const { return at + i * step; }
  Matrix from(int64_t i, int64_t j = 0) const { return {at + i * step + j, step}; }
};

/// The left factor of a product, whose elements are read one by one: a matrix or its transpose.
template <class A>
struct Left {
  const A* at;
  int64_t row_step, inner_step;
};
template <class A>
HWY_INLINE Left<A> plain(const Matrix<A>& m) {
  return {m.at, m.step, 1};
}
template <class A>
HWY_INLINE Left<A> turned(const Matrix<A>& m) {
  return {m.at, 1, m.step};
}

struct ProductSize {
  int64_t rows, columns, inner;
};

template <int rows, int vectors, bool accumulates, class A>
HWY_INLINE void product_tile(Left<A> left, Matrix<A> right, Matrix<A> out, int64_t inner) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<A> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  hn::Vec<decltype(d)> sums[rows][vectors];
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < vectors; ++j) {
      sums[i][j] = accumulates ? hn::LoadU(d, out.row(i) + j * lanes) : hn::Zero(d);
    }
  }
  const A* from = left.at;
  const A* with = right.at;
  for (int64_t k = 0; k < inner; ++k, from += left.inner_step, with += right.step) {
    hn::Vec<decltype(d)> factors[vectors];
    for (int j = 0; j < vectors; ++j) factors[j] = hn::LoadU(d, with + j * lanes);
    for (int i = 0; i < rows; ++i) {
      const auto x = hn::Set(d, from[i * left.row_step]);
      for (int j = 0; j < vectors; ++j) sums[i][j] = hn::MulAdd(x, factors[j], sums[i][j]);
    }
  }
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < vectors; ++j) hn::StoreU(sums[i][j], d, out.row(i) + j * lanes);
  }
}

template <int vectors, bool accumulates, class A>
HWY_INLINE void product_column(Left<A> left, Matrix<A> right, Matrix<A> out, int64_t rows,
                               int64_t inner) {
  int64_t i = 0;
  for (; i + 4 <= rows; i += 4) {
    product_tile<4, vectors, accumulates>(
        {left.at + i * left.row_step, left.row_step, left.inner_step}, right, out.from(i), inner);
  }
  for (; i < rows; ++i) {
    product_tile<1, vectors, accumulates>(
        {left.at + i * left.row_step, left.row_step, left.inner_step}, right, out.from(i), inner);
  }
}

/// 4 rows by 2 vectors at a time, or 1 by 8 where there are fewer: fits the 16 registers of AVX2
/// and keeps both multipliers busy. Sums run in the order of the inner dimension, so a row's bits
/// do not depend on the other rows.
template <bool accumulates, class A>
HWY_NOINLINE void product(Left<A> left, Matrix<A> right, Matrix<A> out, ProductSize size) {
  const hwy::HWY_NAMESPACE::ScalableTag<A> d;
  const auto lanes = static_cast<int64_t>(hwy::HWY_NAMESPACE::Lanes(d));
  int64_t j = 0;
  if (size.rows < 4) {
    for (; j + 7 * lanes < size.columns; j += 8 * lanes) {
      product_column<8, accumulates>(left, right.from(0, j), out.from(0, j), size.rows, size.inner);
    }
  }
  for (; j + lanes < size.columns; j += 2 * lanes) {
    product_column<2, accumulates>(left, right.from(0, j), out.from(0, j), size.rows, size.inner);
  }
  if (j < size.columns) {
    product_column<1, accumulates>(left, right.from(0, j), out.from(0, j), size.rows, size.inner);
  }
}

/// out = left right. Columns up to the next whole vector are written.
template <class A>
HWY_INLINE void multiply(Left<A> left, Matrix<A> right, Matrix<A> out, ProductSize size) {
  product<false>(left, right, out, size);
}
/// out += left right
template <class A>
HWY_INLINE void multiply_add(Left<A> left, Matrix<A> right, Matrix<A> out, ProductSize size) {
  product<true>(left, right, out, size);
}

/// Triangles are walked in bands of so many rows; what lies outside costs nothing but the corners.
inline constexpr int64_t band_rows = 16;

/// Calls use(first, num) for the bands of n rows.
template <class Use>
HWY_INLINE void for_each_band(int64_t n, Use&& use) {
  for (int64_t i = 0; i < n; i += band_rows) use(i, std::min(band_rows, n - i));
}

/// out += lower right, where `lower` [n, n] is zero above its diagonal.
template <class A>
HWY_INLINE void multiply_add_lower(Matrix<A> lower, Matrix<A> right, Matrix<A> out, int64_t n,
                                   int64_t columns) {
  for_each_band(n, [&](int64_t i, int64_t rows) {
    multiply_add(plain(lower.from(i)), right, out.from(i), {rows, columns, i + rows});
  });
}

/// out += lower^T right
template <class A>
HWY_INLINE void multiply_add_lower_turned(Matrix<A> lower, Matrix<A> right, Matrix<A> out,
                                          int64_t n, int64_t columns) {
  for_each_band(n, [&](int64_t i, int64_t rows) {
    multiply_add(turned(lower.from(i, i)), right.from(i), out.from(i), {rows, columns, n - i});
  });
}

/// The lower triangle of left right, [n, n]; above the diagonal lies whatever a corner gave.
template <class A>
HWY_INLINE void multiply_to_lower(Matrix<A> left, Matrix<A> right, Matrix<A> out, int64_t n,
                                  int64_t inner) {
  for_each_band(n, [&](int64_t i, int64_t rows) {
    multiply(plain(left.from(i)), right, out.from(i), {rows, i + rows, inner});
  });
}

/// x <- (I - lower)^-1 x for a matrix that is zero on and above its diagonal: bands by products,
/// the rows of a band one after another.
template <class A>
HWY_INLINE void solve_lower(Matrix<A> lower, Matrix<A> x, int64_t n, int64_t columns) {
  for_each_band(n, [&](int64_t first, int64_t rows) {
    multiply_add(plain(lower.from(first)), x, x.from(first), {rows, columns, first});
    for (int64_t i = first + 1; i < first + rows; ++i) {
      multiply_add(plain(lower.from(i, first)), x.from(first), x.from(i), {1, columns, i - first});
    }
  });
}

/// x <- (I - lower^T)^-1 x, from the last row up.
template <class A>
HWY_INLINE void solve_lower_turned(Matrix<A> lower, Matrix<A> x, int64_t n, int64_t columns) {
  for (int64_t first = (n - 1) / band_rows * band_rows; first >= 0; first -= band_rows) {
    const int64_t end = std::min(n, first + band_rows);
    multiply_add(turned(lower.from(end, first)), x.from(end), x.from(first),
                 {end - first, columns, n - end});
    for (int64_t i = end - 2; i >= first; --i) {
      multiply_add(turned(lower.from(i + 1, i)), x.from(i + 1), x.from(i),
                   {1, columns, end - i - 1});
    }
  }
}

#if HWY_TARGET != HWY_SCALAR
/// out [4, 4] = in [4, 4]^T
HWY_INLINE void transpose_4x4(Matrix<float> in, Matrix<float> out) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::FixedTag<float, 4> d;
  const auto a = hn::LoadU(d, in.row(0)), b = hn::LoadU(d, in.row(1));
  const auto c = hn::LoadU(d, in.row(2)), e = hn::LoadU(d, in.row(3));
  const auto ac_low = hn::InterleaveLower(d, a, c), ac_high = hn::InterleaveUpper(d, a, c);
  const auto be_low = hn::InterleaveLower(d, b, e), be_high = hn::InterleaveUpper(d, b, e);
  hn::StoreU(hn::InterleaveLower(d, ac_low, be_low), d, out.row(0));
  hn::StoreU(hn::InterleaveUpper(d, ac_low, be_low), d, out.row(1));
  hn::StoreU(hn::InterleaveLower(d, ac_high, be_high), d, out.row(2));
  hn::StoreU(hn::InterleaveUpper(d, ac_high, be_high), d, out.row(3));
}
#endif

/// out [columns, rows] = in [rows, columns]^T
template <class A>
HWY_INLINE void transpose(Matrix<A> in, Matrix<A> out, int64_t rows, int64_t columns) {
  constexpr int64_t block = 4;
  for (int64_t i = 0; i < rows; i += block) {
    const int64_t end = std::min(rows, i + block);
    int64_t j = 0;
#if HWY_TARGET != HWY_SCALAR
    if constexpr (std::is_same_v<A, float>) {
      for (; end == i + block && j + block <= columns; j += block) {
        transpose_4x4(in.from(i, j), out.from(j, i));
      }
    }
#endif
    for (; j < columns; ++j) {
      for (int64_t r = i; r < end; ++r) out.row(j)[r] = in.row(r)[j];
    }
  }
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
