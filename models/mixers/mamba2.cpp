#include "models/mixers/mamba2.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/exp.h>

#include "kernels/ops/activations.h"
#include "kernels/ops/causal_conv.h"
#include "kernels/ops/gated_norm.h"
#include "kernels/ops/selective_scan.h"
#include "models/blocks/linear.h"
#include "models/mixers/recurrent_memory.h"

namespace hylo::models {
namespace {

at::Tensor heads_of(const at::Tensor& x_ND, int64_t first, int64_t heads, int64_t width) {
  return x_ND.narrow(1, first, heads * width).reshape({x_ND.size(0), heads, width});
}

}  // namespace

at::Tensor mix_tokens(const Mamba2Spec& spec, const Mamba2Weights& weights, const at::Tensor& x_ND,
                      const LayerCall& call) {
  const int64_t rows = x_ND.size(0), inner = spec.inner_width(), channels = spec.conv_channels();
  const auto all = project(weights.input, x_ND, call.groups);
  const auto gate = all.narrow(1, 0, inner);
  const auto memory = memory_of(call);
  const auto conv = kernels::causal_conv({.x_ND = all.narrow(1, inner, channels),
                                          .weight_DC = weights.conv.weight_DC,
                                          .bias_D = weights.conv.bias_D,
                                          .tail_BCD = memory.tail_PCD,
                                          .sequences = call.rows,
                                          .slots = memory.slots});
  const auto type = state_type(x_ND);
  const int64_t x_width = spec.num_value_heads * spec.value_width;
  const int64_t k_width = spec.num_key_heads * spec.key_width;
  const auto x_NHV = heads_of(conv.out_ND, 0, spec.num_value_heads, spec.value_width)
                         .to(type)
                         .repeat_interleave(spec.num_heads / spec.num_value_heads, 1);
  const auto step_NH =
      kernels::step_sizes({.raw_ND = all.narrow(1, inner + channels, spec.num_heads),
                           .bias_D = weights.dt_bias_H,
                           .min = spec.min_step,
                           .max = spec.max_step});
  const auto scan = kernels::selective_scan(
      {.q_NHK =
           heads_of(conv.out_ND, x_width + k_width, spec.num_query_heads, spec.key_width).to(type),
       .k_NHK = heads_of(conv.out_ND, x_width, spec.num_key_heads, spec.key_width).to(type),
       .v_NHV = x_NHV * step_NH.unsqueeze(2),
       .log_decay_NH = step_NH * -at::exp(weights.a_log_H.to(type)),
       .state_BHKV = memory.state_PHKV,
       .sequences = call.rows,
       .form = recurrent_form(call),
       .slots = memory.slots});
  const auto y_NHV = scan.out_NHV + x_NHV * weights.skip_H.to(type).unsqueeze(1);
  const auto normed =
      kernels::gated_norm({.x_ND = y_NHV.reshape({rows, inner}).to(x_ND.scalar_type()),
                           .gate_ND = gate,
                           .weight = weights.norm,
                           .group = inner / spec.norm_groups,
                           .epsilon = spec.norm_epsilon,
                           .order = kernels::GateOrder::GateThenNorm});
  return project(weights.output, normed, call.groups);
}

at::Tensor mix_tokens(const DiscreteMamba2Spec& spec, const DiscreteMamba2Weights& weights,
                      const at::Tensor& x_ND, const LayerCall& call) {
  const int64_t rows = x_ND.size(0), inner = spec.inner_width(), channels = spec.conv_channels();
  const auto all = project(weights.input, x_ND, call.groups);
  const auto memory = memory_of(call);
  const auto conv = kernels::causal_conv({.x_ND = all.narrow(1, 0, channels),
                                          .weight_DC = weights.conv.weight_DC,
                                          .bias_D = weights.conv.bias_D,
                                          .tail_BCD = memory.tail_PCD,
                                          .sequences = call.rows,
                                          .activation = kernels::ConvActivation::None,
                                          .slots = memory.slots});
  const auto type = state_type(x_ND);
  const int64_t k_width = spec.num_key_heads * spec.key_width;
  const auto x_NHV = heads_of(conv.out_ND, 0, spec.num_heads, spec.value_width).to(type);
  const auto scan = kernels::selective_scan(
      {.q_NHK = heads_of(conv.out_ND, inner + k_width, spec.num_key_heads, spec.key_width).to(type),
       .k_NHK = heads_of(conv.out_ND, inner, spec.num_key_heads, spec.key_width).to(type),
       .v_NHV = x_NHV,
       .log_decay_NH =
           kernels::log_decay({all.narrow(1, channels + inner, spec.num_heads), {}, {}}),
       .state_BHKV = memory.state_PHKV,
       .sequences = call.rows,
       .form = recurrent_form(call),
       .slots = memory.slots});
  const auto y_ND = (scan.out_NHV + x_NHV * weights.skip_H.to(type).unsqueeze(1))
                        .reshape({rows, inner})
                        .to(x_ND.scalar_type());
  const auto gate = kernels::silu(all.narrow(1, channels, inner) + weights.gate_bias);
  return project(weights.output, y_ND * gate, call.groups);
}

}  // namespace hylo::models
