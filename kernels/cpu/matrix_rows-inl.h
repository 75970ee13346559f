// Rows of one head as matrices of one thread. Included once per target.
#if defined(HYLO_KERNELS_CPU_MATRIX_ROWS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef HYLO_KERNELS_CPU_MATRIX_ROWS_INL
#undef HYLO_KERNELS_CPU_MATRIX_ROWS_INL
#else
#define HYLO_KERNELS_CPU_MATRIX_ROWS_INL
#endif

#include <ATen/core/Tensor.h>
#include <hwy/aligned_allocator.h>
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "harness/base/error.h"
#include "kernels/cpu/convert-inl.h"
#include "kernels/cpu/product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Matrices of one thread, zero at first: what pads a row stays zero.
template <class A>
class Arena {
 public:
  explicit Arena(int64_t num_elements)
      : left_(num_elements), memory_(hwy::AllocateAligned<A>(num_elements)), next_(memory_.get()) {
    std::fill_n(next_, num_elements, A(0));
  }
  Matrix<A> take(int64_t rows, int64_t step) {
    left_ -= rows * step;
    invariant(left_ >= 0, "the buffers of a thread were counted too small");
    return {std::exchange(next_, next_ + rows * step), step};
  }

 private:
  int64_t left_;
  hwy::AlignedFreeUniquePtr<A[]> memory_;
  A* next_;
};

/// Calls use(c) for the first element of each vector of a row.
template <class A, class Use>
HWY_INLINE void for_each_vector(int64_t width, Use&& use) {
  const hn::ScalableTag<A> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t c = 0; c < width; c += lanes) use(c);
}

template <class T, class A>
HWY_INLINE void load_rows_of(const at::Tensor& rows_NHW, int64_t head, int64_t first,
                             int64_t num_rows, Matrix<A> to) {
  const T* from = static_cast<const T*>(rows_NHW.const_data_ptr()) + first * rows_NHW.stride(0) +
                  head * rows_NHW.size(2);
  for (int64_t i = 0; i < num_rows; ++i) {
    widen(from + i * rows_NHW.stride(0), to.row(i), rows_NHW.size(2));
  }
}

/// Rows [first, first + num_rows) of a head; bfloat16 or the type that computes.
template <class A>
HWY_INLINE void load_rows(const at::Tensor& rows_NHW, int64_t head, int64_t first, int64_t num_rows,
                          Matrix<A> to) {
  if constexpr (std::is_same_v<A, float>) {
    if (rows_NHW.scalar_type() == at::kBFloat16) {
      return load_rows_of<c10::BFloat16>(rows_NHW, head, first, num_rows, to);
    }
  }
  load_rows_of<A>(rows_NHW, head, first, num_rows, to);
}

template <class T, class A>
HWY_INLINE void store_rows_of(Matrix<A> from, at::Tensor& rows_NHW, int64_t head, int64_t first,
                              int64_t num_rows) {
  const int64_t width = rows_NHW.size(2);
  T* to = static_cast<T*>(rows_NHW.mutable_data_ptr());
  for (int64_t i = 0; i < num_rows; ++i) {
    narrow<T>(from.row(i), to + ((first + i) * rows_NHW.size(1) + head) * width, width);
  }
}

/// The inverse of load_rows, into a contiguous tensor.
template <class A>
HWY_INLINE void store_rows(Matrix<A> from, at::Tensor& rows_NHW, int64_t head, int64_t first,
                           int64_t num_rows) {
  if constexpr (std::is_same_v<A, float>) {
    if (rows_NHW.scalar_type() == at::kBFloat16) {
      return store_rows_of<c10::BFloat16>(from, rows_NHW, head, first, num_rows);
    }
  }
  store_rows_of<A>(from, rows_NHW, head, first, num_rows);
}

HWY_INLINE void prefetch_rows(const at::Tensor& rows_NHW, int64_t head, int64_t first,
                              int64_t end) {
  constexpr int64_t line_bytes = 64;
  const int64_t size = rows_NHW.element_size(), bytes = rows_NHW.size(2) * size;
  const char* base = static_cast<const char*>(rows_NHW.const_data_ptr()) + head * bytes;
  for (int64_t i = std::max<int64_t>(0, first); i < end; ++i) {
    for (int64_t b = 0; b < bytes; b += line_bytes) {
      hwy::Prefetch(base + i * rows_NHW.stride(0) * size + b);
    }
  }
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
