// Norms with a gate and unit vectors, on CPUs. Vectorised by Highway and dispatched at run time.
// Shapes have been checked by the op that calls.
#pragma once

#include "kernels/ops/gated_norm.h"

namespace hylo::kernels::cpu {

/// Rows of x and gate may lie apart; out is contiguous.
void gated_norm(const GatedNormIn& in, at::Tensor& out_ND);
/// Contiguous rows.
void l2_norm(const at::Tensor& in_MK, double epsilon, at::Tensor& out_MK);

struct GatedNormGradients {
  at::Tensor x_ND, gate_ND;  ///< contiguous, type of x
  at::Tensor weight_BD;      ///< of the type that computes, a row per norm_block_rows: to be summed
};
/// Rows of x, gate and d_out may lie apart.
void gated_norm_backward(const GatedNormIn& in, const at::Tensor& d_out_ND,
                         GatedNormGradients& gradients);

struct L2NormRows {
  at::Tensor x_MK, d_out_MK;  ///< contiguous
  double epsilon = 0;
};
void l2_norm_backward(const L2NormRows& in, at::Tensor& d_x_MK);

}  // namespace hylo::kernels::cpu
