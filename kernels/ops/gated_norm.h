// RMS norm of groups of channels, with a gate: the output norm of Mamba-2 and of Gated DeltaNet.
// Sources: state-spaces/mamba, mamba_ssm/ops/triton/layernorm_gated.py; fla-org/
// flash-linear-attention, fla/modules/fused_norm_gate.py.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace hylo::kernels {

enum class GateActivation { Silu, Sigmoid };
enum class GateOrder {
  NormThenGate,  ///< norm(x) * activation(gate): Gated DeltaNet
  GateThenNorm,  ///< norm(x * activation(gate)): Mamba-2
};

struct GatedNormIn {
  at::Tensor x_ND;     ///< N rows of D channels
  at::Tensor gate_ND;  ///< same type and shape
  at::Tensor weight;   ///< [group] for all groups, or [D]; same type
  int64_t group = 0;   ///< channels that share one mean square; divides D
  double epsilon = 1e-5;
  GateOrder order = GateOrder::NormThenGate;
  GateActivation activation = GateActivation::Silu;
};
/// [N, D] of the type of x: everything in float32 (float64 for float64), one rounding, as in both
/// sources. Differentiable in every tensor. A row's bits depend on it alone. Throws Error when
/// shapes or types disagree.
at::Tensor gated_norm(const GatedNormIn& in);

struct L2NormIn {
  at::Tensor x;           ///< [..., K]
  double epsilon = 1e-6;  ///< under the root
};
/// x / sqrt(sum of squares over the last dim + epsilon), in float32 (float64 for float64), one
/// rounding. Differentiable. A row's bits depend on it alone.
at::Tensor l2_norm(const L2NormIn& in);

}  // namespace hylo::kernels
