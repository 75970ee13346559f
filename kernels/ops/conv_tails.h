// What a short convolution remembers of a sequence: its last inputs.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "kernels/ops/row_range.h"

namespace hylo::kernels {

/// [B, C - 1, D]: the last inputs of each sequence, of which old ones may be in the tail.
at::Tensor next_tails(const at::Tensor& x_ND, const at::Tensor& tail_BCD,
                      std::span<const RowRange> sequences);

/// The same in a pool [P, C - 1, D]: what stays moves to the front, row by row.
void move_tails_on(const at::Tensor& x_ND, const at::Tensor& pool_PCD, Slots slots,
                   std::span<const RowRange> sequences);

}  // namespace hylo::kernels
