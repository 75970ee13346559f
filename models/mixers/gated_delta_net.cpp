#include "models/mixers/gated_delta_net.h"

#include <ATen/ops/cat.h>

#include "kernels/ops/activations.h"
#include "kernels/ops/causal_conv.h"
#include "models/blocks/linear.h"
#include "models/mixers/delta_rule.h"
#include "models/mixers/mixing_rows.h"
#include "models/mixers/short_convs.h"

namespace hylo::models {
namespace {

/// What the projections give, the first three behind their convolutions.
struct Projected {
  at::Tensor q_ND, k_ND, v_ND, gate_ND, write_NH, decay_NH;
};

Projected project_apart(const GatedDeltaWeights& weights, const at::Tensor& x_ND,
                        const RecurrentMemory& memory, const LayerCall& call) {
  const auto of = [&](const LinearWeights& w) { return project(w, x_ND, call.groups); };
  const auto convolved = short_convs({of(weights.query), of(weights.key), of(weights.value),
                                      weights.query_conv, weights.key_conv, weights.value_conv},
                                     memory, call);
  return {convolved.q_ND,   convolved.k_ND,    convolved.v_ND,
          of(weights.gate), of(weights.write), of(weights.decay)};
}

/// One projection whose rows are [q, k, v, gate] of the first key head, then of the second, ...; v
/// and gate are those of the value heads that read the key head. One convolution over all.
Projected project_grouped(const GatedDeltaSpec& spec, const GatedDeltaWeights& weights,
                          const at::Tensor& x_ND, const RecurrentMemory& memory,
                          const LayerCall& call) {
  const int64_t rows = x_ND.size(0), groups = spec.num_key_heads, shared = spec.num_heads / groups;
  const int64_t values = shared * spec.value_width;
  const auto all = project(weights.input, x_ND, call.groups)
                       .view({rows, groups, 2 * spec.key_width + 2 * values});
  const auto part = [&](int64_t first, int64_t width) {
    return all.narrow(2, first, width).reshape({rows, groups * width});
  };
  const auto conv = kernels::causal_conv(
      {.x_ND = at::cat({part(0, spec.key_width), part(spec.key_width, spec.key_width),
                        part(2 * spec.key_width, values)},
                       1),
       .weight_DC = weights.conv.weight_DC,
       .tail_BCD = memory.tail_PCD,
       .sequences = call.rows,
       .slots = memory.slots});
  const auto gates = project(weights.write_decay, x_ND, call.groups).view({rows, groups, -1});
  const int64_t keys = groups * spec.key_width;
  return {conv.out_ND.narrow(1, 0, keys),
          conv.out_ND.narrow(1, keys, keys),
          conv.out_ND.narrow(1, 2 * keys, groups * values),
          part(2 * spec.key_width + values, values),
          gates.narrow(2, 0, shared).reshape({rows, spec.num_heads}),
          gates.narrow(2, shared, shared).reshape({rows, spec.num_heads})};
}

DeltaRule rule_of(const GatedDeltaSpec& spec, const GatedDeltaWeights& weights,
                  const at::Tensor& x_ND, const RecurrentMemory& memory, const LayerCall& call) {
  const auto in = spec.grouped_projections ? project_grouped(spec, weights, x_ND, memory, call)
                                           : project_apart(weights, x_ND, memory, call);
  const auto heads = [&](const at::Tensor& x, int64_t num, int64_t width) {
    return x.reshape({x_ND.size(0), num, width});
  };
  return {.q_NHK = heads(in.q_ND, spec.num_key_heads, spec.key_width),
          .k_NHK = heads(in.k_ND, spec.num_key_heads, spec.key_width),
          .v_NHV = heads(in.v_ND, spec.num_heads, spec.value_width),
          .log_decay_NH = kernels::log_decay({in.decay_NH, weights.dt_bias_H, weights.a_log_H}),
          .beta_NH = write_strength(in.write_NH, spec.write_scale),
          .gate_ND = in.gate_ND,
          .norm_V = weights.norm_V,
          .norm_epsilon = spec.norm_epsilon};
}

}  // namespace

at::Tensor mix_tokens(const GatedDeltaSpec& spec, const GatedDeltaWeights& weights,
                      const at::Tensor& x_ND, const LayerCall& call) {
  const auto memory = memory_of(call);
  const auto mixed_ND = delta_rule(rule_of(spec, weights, x_ND, memory, call), memory, call);
  return project(weights.output, mixed_ND, call.groups);
}

at::Tensor mixing_rows(const GatedDeltaSpec& spec, const GatedDeltaWeights& weights,
                       const at::Tensor& x_ND, const LayerCall& call) {
  const auto memory = memory_of(call);
  auto rule = rule_of(spec, weights, x_ND, memory, call);
  rule.v_NHV = places_as_values(rule.v_NHV, spec.num_heads, call.rows);
  return delta_rule_heads(rule, memory, call);
}

}  // namespace hylo::models
