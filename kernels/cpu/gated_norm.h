// Norms with a gate and unit vectors, on CPUs. Vectorised by Highway and dispatched at run time.
// Shapes have been checked by the op that calls.
#pragma once

#include "kernels/ops/gated_norm.h"

namespace hylo::kernels::cpu {

/// Rows of x and gate may lie apart; out is contiguous.
void gated_norm(const GatedNormIn& in, at::Tensor& out_ND);
/// Contiguous rows.
void l2_norm(const at::Tensor& in_MK, double epsilon, at::Tensor& out_MK);

}  // namespace hylo::kernels::cpu
