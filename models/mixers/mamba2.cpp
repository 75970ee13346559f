#include "models/mixers/mamba2.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/exp.h>

#include "kernels/ops/activations.h"
#include "kernels/ops/causal_conv.h"
#include "kernels/ops/gated_norm.h"
#include "kernels/ops/selective_scan.h"
#include "models/blocks/linear.h"
#include "models/mixers/mixing_rows.h"
#include "models/mixers/recurrent_memory.h"

namespace hylo::models {
namespace {

at::Tensor heads_of(const at::Tensor& x_ND, int64_t first, int64_t heads, int64_t width) {
  return x_ND.narrow(1, first, heads * width).reshape({x_ND.size(0), heads, width});
}

/// What the recurrence is given, and what goes around it.
struct Prepared {
  kernels::SelectiveScanIn scan;
  at::Tensor x_NHV;    ///< what the skip carries
  at::Tensor step_NH;  ///< undefined where steps have no size
  at::Tensor gate_ND;
};

Prepared prepared(const Mamba2Spec& spec, const Mamba2Weights& weights, const at::Tensor& x_ND,
                  const RecurrentMemory& memory, const LayerCall& call) {
  const int64_t inner = spec.inner_width(), channels = spec.conv_channels();
  const auto all = project(weights.input, x_ND, call.groups);
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
  return {
      .scan = {.q_NHK =
                   heads_of(conv.out_ND, x_width + k_width, spec.num_query_heads, spec.key_width)
                       .to(type),
               .k_NHK = heads_of(conv.out_ND, x_width, spec.num_key_heads, spec.key_width).to(type),
               .v_NHV = x_NHV * step_NH.unsqueeze(2),
               .log_decay_NH = step_NH * -at::exp(weights.a_log_H.to(type)),
               .state_BHKV = memory.state_PHKV,
               .sequences = call.rows,
               .form = recurrent_form(call),
               .slots = memory.slots},
      .x_NHV = x_NHV,
      .step_NH = step_NH,
      .gate_ND = all.narrow(1, 0, inner)};
}

Prepared prepared(const DiscreteMamba2Spec& spec, const DiscreteMamba2Weights& weights,
                  const at::Tensor& x_ND, const RecurrentMemory& memory, const LayerCall& call) {
  const int64_t inner = spec.inner_width(), channels = spec.conv_channels();
  const auto all = project(weights.input, x_ND, call.groups);
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
  return {
      .scan = {.q_NHK = heads_of(conv.out_ND, inner + k_width, spec.num_key_heads, spec.key_width)
                            .to(type),
               .k_NHK = heads_of(conv.out_ND, inner, spec.num_key_heads, spec.key_width).to(type),
               .v_NHV = x_NHV,
               .log_decay_NH =
                   kernels::log_decay({all.narrow(1, channels + inner, spec.num_heads), {}, {}}),
               .state_BHKV = memory.state_PHKV,
               .sequences = call.rows,
               .form = recurrent_form(call),
               .slots = memory.slots},
      .x_NHV = x_NHV,
      .step_NH = {},
      .gate_ND = all.narrow(1, channels, inner)};
}

at::Tensor with_skip(const at::Tensor& out_NHV, const at::Tensor& x_NHV, const at::Tensor& skip_H) {
  return out_NHV + x_NHV * skip_H.to(x_NHV.scalar_type()).unsqueeze(1);
}

/// The scan and the skip, of values that show where they went.
at::Tensor rows_of(Prepared in, int64_t heads, const at::Tensor& skip_H, const LayerCall& call) {
  const auto places_NHT = places_as_values(in.x_NHV, heads, call.rows);
  in.scan.v_NHV = in.step_NH.defined() ? places_NHT * in.step_NH.unsqueeze(2) : places_NHT;
  return with_skip(kernels::selective_scan(in.scan).out_NHV, places_NHT, skip_H);
}

}  // namespace

at::Tensor mix_tokens(const Mamba2Spec& spec, const Mamba2Weights& weights, const at::Tensor& x_ND,
                      const LayerCall& call) {
  const auto memory = memory_of(call);
  const auto in = prepared(spec, weights, x_ND, memory, call);
  const auto y_NHV = with_skip(kernels::selective_scan(in.scan).out_NHV, in.x_NHV, weights.skip_H);
  const auto normed = kernels::gated_norm(
      {.x_ND = y_NHV.reshape({x_ND.size(0), spec.inner_width()}).to(x_ND.scalar_type()),
       .gate_ND = in.gate_ND,
       .weight = weights.norm,
       .group = spec.inner_width() / spec.norm_groups,
       .epsilon = spec.norm_epsilon,
       .order = kernels::GateOrder::GateThenNorm});
  return project(weights.output, normed, call.groups);
}

at::Tensor mix_tokens(const DiscreteMamba2Spec& spec, const DiscreteMamba2Weights& weights,
                      const at::Tensor& x_ND, const LayerCall& call) {
  const auto memory = memory_of(call);
  const auto in = prepared(spec, weights, x_ND, memory, call);
  const auto y_ND = with_skip(kernels::selective_scan(in.scan).out_NHV, in.x_NHV, weights.skip_H)
                        .reshape({x_ND.size(0), spec.inner_width()})
                        .to(x_ND.scalar_type());
  return project(weights.output, y_ND * kernels::silu(in.gate_ND + weights.gate_bias), call.groups);
}

at::Tensor mixing_rows(const Mamba2Spec& spec, const Mamba2Weights& weights, const at::Tensor& x_ND,
                       const LayerCall& call) {
  const auto memory = memory_of(call);
  return rows_of(prepared(spec, weights, x_ND, memory, call), spec.num_heads, weights.skip_H, call);
}

at::Tensor mixing_rows(const DiscreteMamba2Spec& spec, const DiscreteMamba2Weights& weights,
                       const at::Tensor& x_ND, const LayerCall& call) {
  const auto memory = memory_of(call);
  return rows_of(prepared(spec, weights, x_ND, memory, call), spec.num_heads, weights.skip_H, call);
}

}  // namespace hylo::models
