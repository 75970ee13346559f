// The tensors of what mixes tokens in a layer, and the walk over each kind.
#pragma once

#include <variant>

#include "models/config/layer_spec.h"
#include "models/weights/linear_weights.h"

namespace hylo::models {

struct AttentionWeights {
  LinearWeights query, key, value, output;
  at::Tensor query_norm, key_norm;  ///< undefined without head norms
};
struct MlaWeights {
  LinearWeights query;                  ///< without compression of queries
  LinearWeights query_down, query_up;   ///< with it
  at::Tensor query_latent_norm;         ///< undefined: none
  LinearWeights latent_down;            ///< rows: latent [R], rotated key [Kr]
  at::Tensor latent_norm_R;             ///< undefined: none
  LinearWeights latent_up;              ///< rows per key/value head: key [Kn], value [V]
  at::Tensor query_norm_K, key_norm_K;  ///< undefined without head norms
  LinearWeights output;
};
struct Mamba2Weights {
  LinearWeights input;  ///< rows: gate z, x, B, C, step size
  ConvWeights conv;     ///< over x, B, C
  at::Tensor a_log_H, dt_bias_H, skip_H, norm;
  LinearWeights output;
};
struct DiscreteMamba2Weights {
  LinearWeights input;  ///< rows: x, B, C, gate z, decay
  ConvWeights conv;     ///< over x, B, C
  at::Tensor gate_bias, skip_H;
  LinearWeights output;
};
struct GatedDeltaWeights {
  LinearWeights query, key, value, gate, decay, write;  ///< undefined when grouped
  ConvWeights query_conv, key_conv, value_conv;
  LinearWeights input;        ///< grouped: rows per key head [q, k, v, gate]
  LinearWeights write_decay;  ///< grouped: rows per key head [write, decay]
  ConvWeights conv;           ///< grouped: over all q, all k, all v
  at::Tensor a_log_H, dt_bias_H, norm_V;
  LinearWeights output;
};
struct KimiDeltaWeights {
  LinearWeights query, key, value, decay_down, decay_up, write, gate_down, gate_up;
  ConvWeights query_conv, key_conv, value_conv;
  at::Tensor a_log_H, dt_bias, norm_V;
  LinearWeights output;
};
struct JetBlockWeights {
  LinearWeights query, key, value, gate, decay, write, generator_down, generator_up;
  at::Tensor a_log_H, dt_bias_H, norm_V;
  LinearWeights output;
};
using MixerWeights =
    std::variant<AttentionWeights, MlaWeights, Mamba2Weights, DiscreteMamba2Weights,
                 GatedDeltaWeights, KimiDeltaWeights, JetBlockWeights>;

template <>
struct WeightsOf<AttentionSpec> {
  using type = AttentionWeights;
};
template <>
struct WeightsOf<MlaSpec> {
  using type = MlaWeights;
};
template <>
struct WeightsOf<Mamba2Spec> {
  using type = Mamba2Weights;
};
template <>
struct WeightsOf<DiscreteMamba2Spec> {
  using type = DiscreteMamba2Weights;
};
template <>
struct WeightsOf<GatedDeltaSpec> {
  using type = GatedDeltaWeights;
};
template <>
struct WeightsOf<KimiDeltaSpec> {
  using type = KimiDeltaWeights;
};
template <>
struct WeightsOf<JetBlockSpec> {
  using type = JetBlockWeights;
};

template <class Weights, class Visit>
void visit_mixer(const AttentionSpec& s, const std::string& name, int64_t width, Weights& w,
                 Visit& visit) {
  const int64_t heads = s.num_heads * s.head_width, keys = s.num_kv_heads * s.head_width;
  visit_linear(name + ".query", s.output_gate ? 2 * heads : heads, width, s.input_bias, w.query,
               visit);
  visit_linear(name + ".key", keys, width, s.input_bias, w.key, visit);
  visit_linear(name + ".value", keys, width, s.input_bias, w.value, visit);
  visit_linear(name + ".output", width, heads, s.output_bias, w.output, visit);
  if (s.head_norms == HeadNorms::None) return;
  const bool all = s.head_norms == HeadNorms::AllHeads;
  visit(WeightSlot{name + ".query_norm.weight", {all ? heads : s.head_width}}, w.query_norm);
  visit(WeightSlot{name + ".key_norm.weight", {all ? keys : s.head_width}}, w.key_norm);
}

template <class Weights, class Visit>
void visit_mixer(const MlaSpec& s, const std::string& name, int64_t width, Weights& w,
                 Visit& visit) {
  const int64_t key_width = s.nope_width + s.rope_width;
  if (s.query_rank == 0) {
    visit_linear(name + ".query", s.num_heads * key_width, width, false, w.query, visit);
  } else {
    visit_linear(name + ".query_down", s.query_rank, width, s.bias, w.query_down, visit);
    if (s.query_latent_norm) {
      visit(WeightSlot{name + ".query_latent_norm.weight", {s.query_rank}}, w.query_latent_norm);
    }
    visit_linear(name + ".query_up", s.num_heads * key_width, s.query_rank, false, w.query_up,
                 visit);
  }
  visit_linear(name + ".latent_down", s.latent_rank + s.rope_width, width, s.bias, w.latent_down,
               visit);
  if (s.latent_norm)
    visit(WeightSlot{name + ".latent_norm.weight", {s.latent_rank}}, w.latent_norm_R);
  visit_linear(name + ".latent_up", s.num_kv_heads * (s.nope_width + s.value_width), s.latent_rank,
               false, w.latent_up, visit);
  if (s.head_norms) {
    visit(WeightSlot{name + ".query_norm.weight", {key_width}}, w.query_norm_K);
    visit(WeightSlot{name + ".key_norm.weight", {key_width}}, w.key_norm_K);
  }
  visit_linear(name + ".output", width, s.num_heads * s.value_width, s.bias, w.output, visit);
}

template <class Weights, class Visit>
void visit_mixer(const Mamba2Spec& s, const std::string& name, int64_t width, Weights& w,
                 Visit& visit) {
  const int64_t inner = s.inner_width();
  visit_linear(name + ".input", inner + s.conv_channels() + s.num_heads, width, s.projection_bias,
               w.input, visit);
  visit_conv(name + ".conv", s.conv_channels(), s.conv_width, s.conv_bias, w.conv, visit);
  visit(WeightSlot{name + ".a_log", {s.num_heads}}, w.a_log_H);
  visit(WeightSlot{name + ".dt_bias", {s.num_heads}}, w.dt_bias_H);
  visit(WeightSlot{name + ".skip", {s.num_heads}}, w.skip_H);
  visit(WeightSlot{name + ".norm.weight", {inner}}, w.norm);
  visit_linear(name + ".output", width, inner, s.projection_bias, w.output, visit);
}

template <class Weights, class Visit>
void visit_mixer(const DiscreteMamba2Spec& s, const std::string& name, int64_t width, Weights& w,
                 Visit& visit) {
  const int64_t inner = s.inner_width();
  visit_linear(name + ".input", s.conv_channels() + inner + s.num_heads, width, false, w.input,
               visit);
  visit(WeightSlot{name + ".gate_bias", {inner}}, w.gate_bias);
  visit_conv(name + ".conv", s.conv_channels(), s.conv_width, true, w.conv, visit);
  visit(WeightSlot{name + ".skip", {s.num_heads}}, w.skip_H);
  visit_linear(name + ".output", width, inner, false, w.output, visit);
}

template <class Weights, class Visit>
void visit_mixer(const GatedDeltaSpec& s, const std::string& name, int64_t width, Weights& w,
                 Visit& visit) {
  const int64_t keys = s.num_key_heads * s.key_width, values = s.num_heads * s.value_width;
  if (s.grouped_projections) {
    visit_linear(name + ".input", 2 * keys + 2 * values, width, false, w.input, visit);
    visit_linear(name + ".write_decay", 2 * s.num_heads, width, false, w.write_decay, visit);
    visit_conv(name + ".conv", s.conv_channels(), s.conv_width, false, w.conv, visit);
  } else {
    visit_linear(name + ".query", keys, width, false, w.query, visit);
    visit_linear(name + ".key", keys, width, false, w.key, visit);
    visit_linear(name + ".value", values, width, false, w.value, visit);
    visit_linear(name + ".gate", values, width, false, w.gate, visit);
    visit_linear(name + ".decay", s.num_heads, width, false, w.decay, visit);
    visit_linear(name + ".write", s.num_heads, width, false, w.write, visit);
    visit_conv(name + ".query_conv", keys, s.conv_width, false, w.query_conv, visit);
    visit_conv(name + ".key_conv", keys, s.conv_width, false, w.key_conv, visit);
    visit_conv(name + ".value_conv", values, s.conv_width, false, w.value_conv, visit);
  }
  visit(WeightSlot{name + ".a_log", {s.num_heads}}, w.a_log_H);
  visit(WeightSlot{name + ".dt_bias", {s.num_heads}}, w.dt_bias_H);
  visit(WeightSlot{name + ".norm.weight", {s.value_width}}, w.norm_V);
  visit_linear(name + ".output", width, values, false, w.output, visit);
}

template <class Weights, class Visit>
void visit_mixer(const KimiDeltaSpec& s, const std::string& name, int64_t width, Weights& w,
                 Visit& visit) {
  const int64_t inner = s.inner_width();
  visit_linear(name + ".query", inner, width, false, w.query, visit);
  visit_linear(name + ".key", inner, width, false, w.key, visit);
  visit_linear(name + ".value", inner, width, false, w.value, visit);
  visit_conv(name + ".query_conv", inner, s.conv_width, false, w.query_conv, visit);
  visit_conv(name + ".key_conv", inner, s.conv_width, false, w.key_conv, visit);
  visit_conv(name + ".value_conv", inner, s.conv_width, false, w.value_conv, visit);
  visit_linear(name + ".decay_down", s.head_width, width, false, w.decay_down, visit);
  visit_linear(name + ".decay_up", inner, s.head_width, false, w.decay_up, visit);
  visit_linear(name + ".write", s.num_heads, width, false, w.write, visit);
  visit_linear(name + ".gate_down", s.head_width, width, false, w.gate_down, visit);
  visit_linear(name + ".gate_up", inner, s.head_width, false, w.gate_up, visit);
  visit(WeightSlot{name + ".a_log", {s.num_heads}}, w.a_log_H);
  visit(WeightSlot{name + ".dt_bias", {inner}}, w.dt_bias);
  visit(WeightSlot{name + ".norm.weight", {s.head_width}}, w.norm_V);
  visit_linear(name + ".output", width, inner, false, w.output, visit);
}

template <class Weights, class Visit>
void visit_mixer(const JetBlockSpec& s, const std::string& name, int64_t width, Weights& w,
                 Visit& visit) {
  const int64_t keys = s.num_heads * s.key_width, values = s.num_heads * s.value_width;
  visit_linear(name + ".query", keys, width, false, w.query, visit);
  visit_linear(name + ".key", keys, width, false, w.key, visit);
  visit_linear(name + ".value", values, width, false, w.value, visit);
  visit_linear(name + ".gate", values, width, false, w.gate, visit);
  visit_linear(name + ".decay", s.num_heads, width, false, w.decay, visit);
  visit_linear(name + ".write", s.num_heads, width, false, w.write, visit);
  visit_linear(name + ".generator_down", s.generator_width, width, false, w.generator_down, visit);
  visit_linear(name + ".generator_up", values * s.conv_width, s.generator_width, true,
               w.generator_up, visit);
  visit(WeightSlot{name + ".a_log", {s.num_heads}}, w.a_log_H);
  visit(WeightSlot{name + ".dt_bias", {s.num_heads}}, w.dt_bias_H);
  visit(WeightSlot{name + ".norm.weight", {s.value_width}}, w.norm_V);
  visit_linear(name + ".output", width, values, false, w.output, visit);
}

}  // namespace hylo::models
