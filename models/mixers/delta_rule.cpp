#include "models/mixers/delta_rule.h"

#include <ATen/TensorOperators.h>

#include <cmath>

#include "kernels/ops/activations.h"
#include "kernels/ops/gated_delta.h"

namespace hylo::models {

at::Tensor write_strength(const at::Tensor& raw_NH, double scale) {
  const auto strength = kernels::sigmoid(raw_NH.to(state_type(raw_NH)));
  return scale == 1 ? strength : strength * scale;
}

at::Tensor delta_rule_heads(const DeltaRule& in, const RecurrentMemory& memory,
                            const LayerCall& call) {
  return kernels::gated_delta({.q_NHK = kernels::l2_norm({in.q_NHK}),
                               .k_NHK = kernels::l2_norm({in.k_NHK}),
                               .v_NHV = in.v_NHV,
                               .log_decay_NH = in.log_decay_NH,
                               .beta_NH = in.beta_NH,
                               .state_BHKV = memory.state_PHKV,
                               .sequences = call.rows,
                               .scale = 1 / std::sqrt(static_cast<double>(in.q_NHK.size(2))),
                               .form = recurrent_form(call),
                               .slots = memory.slots})
      .out_NHV;
}

at::Tensor delta_rule(const DeltaRule& in, const RecurrentMemory& memory, const LayerCall& call) {
  const auto out_NHV = delta_rule_heads(in, memory, call);
  return kernels::gated_norm({.x_ND = out_NHV.reshape({out_NHV.size(0), -1}),
                              .gate_ND = in.gate_ND,
                              .weight = in.norm_V,
                              .group = out_NHV.size(2),
                              .epsilon = in.norm_epsilon,
                              .order = kernels::GateOrder::NormThenGate,
                              .activation = in.activation});
}

}  // namespace hylo::models
