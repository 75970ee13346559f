// Sigmoid, SiLU and softplus by element, and the gates, steps and decays that mixers make of them.
#pragma once

#include <ATen/core/Tensor.h>

#include <limits>

namespace hylo::kernels {

/// All of these compute in float32 (float64 for float64). The bits of an element depend on what it
/// is made from and not on its place, as they do with LibTorch's elementwise ops, which take other
/// instructions for the end of a tensor than for its body. NaN stays NaN. Differentiable in every
/// tensor. They throw Error when shapes or types disagree.

/// 1 / (1 + exp(-x)), x / (1 + exp(-x)) and log(1 + exp(x)); shape and type of x, one rounding.
at::Tensor sigmoid(const at::Tensor& x);
at::Tensor silu(const at::Tensor& x);
at::Tensor softplus(const at::Tensor& x);

struct SigmoidGateIn {
  at::Tensor x_ND;
  at::Tensor gate_ND;  ///< same type; [N, D], or [N, 1] for one gate per row
};
/// x sigmoid(gate), the sigmoid rounded to the type of x before the product.
at::Tensor sigmoid_gate(const SigmoidGateIn& in);

struct StepSizesIn {
  at::Tensor raw_ND;  ///< any floating type
  at::Tensor bias_D;  ///< undefined: none
  double min = 0;
  double max = std::numeric_limits<double>::infinity();
};
/// clamp(softplus(raw + bias), min, max), [N, D] in float32 (float64 for float64).
at::Tensor step_sizes(const StepSizesIn& in);

struct LogDecayIn {
  at::Tensor raw_ND;   ///< D a multiple of H: K channels of each head, one head after the other
  at::Tensor bias_D;   ///< undefined: none
  at::Tensor a_log_H;  ///< undefined: zeros
};
/// -exp(a_log) softplus(raw + bias), [N, D] in float32 (float64 for float64): the natural log of
/// what a step of a recurrence keeps.
at::Tensor log_decay(const LogDecayIn& in);

}  // namespace hylo::kernels
