// Activations by element, on CPUs. Vectorised by Highway and dispatched at run time. Shapes have
// been checked by the op that calls.
#pragma once

#include "kernels/ops/activations.h"

namespace hylo::kernels::cpu {

enum class Activation { Sigmoid, Silu, Softplus };
/// Both contiguous and of one type.
void activate(Activation activation, const at::Tensor& x, at::Tensor& out);

/// Rows may lie apart; out is contiguous.
void sigmoid_gate(const SigmoidGateIn& in, at::Tensor& out_ND);

/// rate clamp(softplus(raw + bias), min, max): rows may lie apart, bias and rate are of the type
/// that computes and contiguous.
struct StepsIn {
  at::Tensor raw_ND;
  at::Tensor bias_D;  ///< undefined: none
  at::Tensor rate_D;  ///< undefined: 1
  double min = 0;
  double max = 0;
};
void steps(const StepsIn& in, at::Tensor& out_ND);

}  // namespace hylo::kernels::cpu
