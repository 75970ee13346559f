// Rows added to chosen rows of a sum, on CPUs. Vectorised by Highway and dispatched at run time.
// Shapes have been checked by the op that calls.
#pragma once

#include <ATen/core/Tensor.h>

namespace hylo::kernels::cpu {

/// All contiguous; weights of the type that computes for y.
struct AddRowsIn {
  at::Tensor y_MD;
  at::Tensor weights_M;
  at::Tensor rows_M;  ///< int64, no two alike
};
/// sum[rows[m]] += weights[m] y[m]; the sum is of the type of the weights.
void add_rows(const AddRowsIn& in, at::Tensor& sum_ND);

}  // namespace hylo::kernels::cpu
