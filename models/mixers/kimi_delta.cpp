#include "models/mixers/kimi_delta.h"

#include "kernels/ops/activations.h"
#include "models/blocks/linear.h"
#include "models/mixers/delta_rule.h"
#include "models/mixers/short_convs.h"

namespace hylo::models {

at::Tensor mix_tokens(const KimiDeltaSpec& spec, const KimiDeltaWeights& weights,
                      const at::Tensor& x_ND, const LayerCall& call) {
  const auto of = [&](const LinearWeights& w, const at::Tensor& in) {
    return project(w, in, call.groups);
  };
  const auto heads = [&](const at::Tensor& x) {
    return x.reshape({x_ND.size(0), spec.num_heads, spec.head_width});
  };
  const auto memory = memory_of(call);
  const auto convolved =
      short_convs({of(weights.query, x_ND), of(weights.key, x_ND), of(weights.value, x_ND),
                   weights.query_conv, weights.key_conv, weights.value_conv},
                  memory, call);
  const auto raw_decay = of(weights.decay_up, of(weights.decay_down, x_ND));
  const auto mixed_ND = delta_rule(
      {.q_NHK = heads(convolved.q_ND),
       .k_NHK = heads(convolved.k_ND),
       .v_NHV = heads(convolved.v_ND),
       .log_decay_NH = heads(kernels::log_decay({raw_decay, weights.dt_bias, weights.a_log_H})),
       .beta_NH = write_strength(of(weights.write, x_ND), 1),
       .gate_ND = of(weights.gate_up, of(weights.gate_down, x_ND)),
       .norm_V = weights.norm_V,
       .norm_epsilon = spec.norm_epsilon,
       .activation = kernels::GateActivation::Sigmoid},
      memory, call);
  return project(weights.output, mixed_ND, call.groups);
}

}  // namespace hylo::models
