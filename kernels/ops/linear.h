// y = x W^T + b.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace hylo::kernels {

/// Which rows may share one product. LibTorch's products change the bits of a row with the number
/// of rows beside it, not with what these hold or where the row stands.
enum class RowGroups {
  Free,   ///< all rows at once
  Fixed,  ///< always exactly rows_of_a_group, the last group padded: a row's bits depend on it
          ///< alone
};
inline constexpr int64_t rows_of_a_group = 32;

struct LinearIn {
  at::Tensor x_NI;       ///< N rows
  at::Tensor weight_OI;  ///< same floating type as x
  at::Tensor bias_O;     ///< undefined: none
  RowGroups groups = RowGroups::Free;
};
/// [N, O] of the type of x; products accumulate in float32 or wider. Throws Error when shapes or
/// types disagree.
at::Tensor linear(const LinearIn& in);

}  // namespace hylo::kernels
