#include "models/mixers/jet_block.h"

#include "kernels/ops/activations.h"
#include "kernels/ops/causal_conv.h"
#include "models/blocks/linear.h"
#include "models/mixers/delta_rule.h"

namespace hylo::models {

at::Tensor mix_tokens(const JetBlockSpec& spec, const JetBlockWeights& weights,
                      const at::Tensor& x_ND, const LayerCall& call) {
  const int64_t rows = x_ND.size(0), values = spec.num_heads * spec.value_width;
  const auto of = [&](const LinearWeights& w) { return project(w, x_ND, call.groups); };
  const auto heads = [&](const at::Tensor& x, int64_t width) {
    return x.reshape({rows, spec.num_heads, width});
  };
  const auto memory = memory_of(call);
  const auto taps_NDC =
      project(weights.generator_up, kernels::silu(of(weights.generator_down)), call.groups)
          .view({rows, values, spec.conv_width});
  const auto conv = kernels::dynamic_conv({.x_ND = of(weights.value),
                                           .weight_NDC = taps_NDC,
                                           .tail_BCD = memory.tail_PCD,
                                           .sequences = call.rows,
                                           .slots = memory.slots});
  const auto mixed_ND = delta_rule(
      {.q_NHK = heads(kernels::silu(of(weights.query)), spec.key_width),
       .k_NHK = heads(kernels::silu(of(weights.key)), spec.key_width),
       .v_NHV = heads(conv.out_ND, spec.value_width),
       .log_decay_NH = kernels::log_decay({of(weights.decay), weights.dt_bias_H, weights.a_log_H}),
       .beta_NH = write_strength(of(weights.write), 1),
       .gate_ND = of(weights.gate),
       .norm_V = weights.norm_V,
       .norm_epsilon = spec.norm_epsilon},
      memory, call);
  return project(weights.output, mixed_ND, call.groups);
}

}  // namespace hylo::models
