#include "kernels/ops/conv_tails.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>

namespace hylo::kernels {

at::Tensor next_tails(const at::Tensor& x_ND, const at::Tensor& tail_BCD,
                      std::span<const RowRange> sequences) {
  auto next_BCD = at::empty(tail_BCD.sizes(), tail_BCD.options());
  const int64_t kept = tail_BCD.size(1);
  for (int64_t b = 0; b < std::ssize(sequences); ++b) {
    const auto& rows = sequences[b];
    const int64_t fresh = std::min(rows.num_rows, kept), old = kept - fresh;
    auto next_CD = next_BCD.select(0, b);
    if (old > 0) next_CD.narrow(0, 0, old).copy_(tail_BCD.select(0, b).narrow(0, fresh, old));
    if (fresh == 0) continue;
    next_CD.narrow(0, old, fresh)
        .copy_(x_ND.narrow(0, rows.first_row + rows.num_rows - fresh, fresh));
  }
  return next_BCD;
}

void move_tails_on(const at::Tensor& x_ND, const at::Tensor& pool_PCD, Slots slots,
                   std::span<const RowRange> sequences) {
  const int64_t kept = pool_PCD.size(1), element = pool_PCD.element_size();
  if (kept == 0) return;
  const auto row_bytes = static_cast<size_t>(pool_PCD.size(2) * element);
  const char* x = static_cast<const char*>(x_ND.const_data_ptr());
  for (size_t b = 0; b < sequences.size(); ++b) {
    const auto& rows = sequences[b];
    char* tail =
        static_cast<char*>(pool_PCD.mutable_data_ptr()) + slots[b] * pool_PCD.stride(0) * element;
    const int64_t step = pool_PCD.stride(1) * element;
    for (int64_t c = 0; c < kept; ++c) {
      const int64_t position = rows.num_rows - kept + c;  // of the new rows
      const char* from = position < 0 ? tail + (c + rows.num_rows) * step
                                      : x + (rows.first_row + position) * x_ND.stride(0) * element;
      if (from != tail + c * step) std::memcpy(tail + c * step, from, row_bytes);
    }
  }
}

}  // namespace hylo::kernels
