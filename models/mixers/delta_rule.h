// What Gated DeltaNet, JetBlock and Kimi Delta Attention have in common: unit queries and keys, the
// rule, the gated norm.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/ops/gated_norm.h"
#include "models/mixers/layer_call.h"
#include "models/mixers/recurrent_memory.h"

namespace hylo::models {

struct DeltaRule {
  at::Tensor q_NHK, k_NHK, v_NHV;  ///< behind their convolutions, not yet of unit length
  at::Tensor log_decay_NH;         ///< or [N, H, K]
  at::Tensor beta_NH;
  at::Tensor gate_ND;  ///< raw gate of the output
  at::Tensor norm_V;
  double norm_epsilon = 1e-5;
  kernels::GateActivation activation = kernels::GateActivation::Silu;
};

/// [N, H, V], what the rule gives, neither normed nor gated; the state of `memory` moves on.
at::Tensor delta_rule_heads(const DeltaRule& in, const RecurrentMemory& memory,
                            const LayerCall& call);
/// [N, H * V], normed and gated; the state of `memory` moves on.
at::Tensor delta_rule(const DeltaRule& in, const RecurrentMemory& memory, const LayerCall& call);

/// sigmoid(raw) * scale in float32 (float64 for float64).
at::Tensor write_strength(const at::Tensor& raw_NH, double scale);

}  // namespace hylo::models
