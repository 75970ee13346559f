// Every field of every spec under the name that it has in the project's own config.json. Reading
// and writing walk the same lists, so that neither can forget one.
#pragma once

#include <concepts>
#include <type_traits>

#include "models/config/model_config.h"

namespace hylo::models {

/// A spec of this kind, const when it is written.
template <class T, class Spec>
concept Is = std::same_as<std::remove_const_t<T>, Spec>;

// visit_fields(spec, io) calls io(name, field) for each field.

template <Is<AttentionSpec> Spec, class Io>
void visit_fields(Spec& s, Io& io) {
  io("num_heads", s.num_heads);
  io("num_kv_heads", s.num_kv_heads);
  io("head_width", s.head_width);
  io("input_bias", s.input_bias);
  io("output_bias", s.output_bias);
  io("head_norms", s.head_norms);
  io("output_gate", s.output_gate);
  io("scale", s.scale);
  io("window", s.window);
  io("rope", s.rope);
}

template <Is<MlaSpec> Spec, class Io>
void visit_fields(Spec& s, Io& io) {
  io("num_heads", s.num_heads);
  io("num_kv_heads", s.num_kv_heads);
  io("latent_rank", s.latent_rank);
  io("query_rank", s.query_rank);
  io("nope_width", s.nope_width);
  io("rope_width", s.rope_width);
  io("value_width", s.value_width);
  io("query_latent_norm", s.query_latent_norm);
  io("latent_norm", s.latent_norm);
  io("latent_norm_epsilon", s.latent_norm_epsilon);
  io("head_norms", s.head_norms);
  io("bias", s.bias);
  io("scale", s.scale);
  io("interleaved", s.interleaved);
  io("rope", s.rope);
}

template <Is<Mamba2Spec> Spec, class Io>
void visit_fields(Spec& s, Io& io) {
  io("num_heads", s.num_heads);
  io("num_value_heads", s.num_value_heads);
  io("num_key_heads", s.num_key_heads);
  io("num_query_heads", s.num_query_heads);
  io("key_width", s.key_width);
  io("value_width", s.value_width);
  io("conv_width", s.conv_width);
  io("conv_bias", s.conv_bias);
  io("projection_bias", s.projection_bias);
  io("norm_groups", s.norm_groups);
  io("norm_epsilon", s.norm_epsilon);
  io("min_step", s.min_step);
  io("max_step", s.max_step);
}

template <Is<DiscreteMamba2Spec> Spec, class Io>
void visit_fields(Spec& s, Io& io) {
  io("num_heads", s.num_heads);
  io("num_key_heads", s.num_key_heads);
  io("key_width", s.key_width);
  io("value_width", s.value_width);
  io("conv_width", s.conv_width);
}

template <Is<GatedDeltaSpec> Spec, class Io>
void visit_fields(Spec& s, Io& io) {
  io("num_key_heads", s.num_key_heads);
  io("num_heads", s.num_heads);
  io("key_width", s.key_width);
  io("value_width", s.value_width);
  io("conv_width", s.conv_width);
  io("write_scale", s.write_scale);
  io("grouped_projections", s.grouped_projections);
  io("norm_epsilon", s.norm_epsilon);
}

template <Is<KimiDeltaSpec> Spec, class Io>
void visit_fields(Spec& s, Io& io) {
  io("num_heads", s.num_heads);
  io("head_width", s.head_width);
  io("conv_width", s.conv_width);
  io("norm_epsilon", s.norm_epsilon);
}

template <Is<JetBlockSpec> Spec, class Io>
void visit_fields(Spec& s, Io& io) {
  io("num_heads", s.num_heads);
  io("key_width", s.key_width);
  io("value_width", s.value_width);
  io("conv_width", s.conv_width);
  io("generator_width", s.generator_width);
  io("norm_epsilon", s.norm_epsilon);
}

template <Is<NoFeedForward> Spec, class Io>
void visit_fields(Spec&, Io&) {}

template <Is<SwiGluSpec> Spec, class Io>
void visit_fields(Spec& s, Io& io) {
  io("width", s.width);
  io("bias", s.bias);
}

template <Is<RouterSpec> Spec, class Io>
void visit_fields(Spec& s, Io& io) {
  io("choice", s.kind);
  io("normalised", s.normalised);
  io("scale", s.scale);
  io("selection_bias", s.selection_bias);
  io("num_groups", s.num_groups);
  io("top_groups", s.top_groups);
}

template <Is<MoeSpec> Spec, class Io>
void visit_fields(Spec& s, Io& io) {
  io("num_experts", s.num_experts);
  io("experts_per_token", s.experts_per_token);
  io("width", s.width);
  io("router", s.router);
  io("shared_width", s.shared_width);
  io("shared_gate", s.shared_gate);
}

template <Is<LayerSpec> Spec, class Io>
void visit_fields(Spec& s, Io& io) {
  io("mixer", s.mixer);
  io("feed_forward", s.feed_forward);
  io("connectivity", s.connectivity);
}

template <Is<RopeSpec> Spec, class Io>
void visit_fields(Spec& s, Io& io) {
  io("theta", s.theta);
  io("width", s.width);
  io("scaling", s.scaling);
}

template <Is<std::monostate> Spec, class Io>
void visit_fields(Spec&, Io&) {}

template <Is<LinearScaling> Spec, class Io>
void visit_fields(Spec& s, Io& io) {
  io("factor", s.factor);
}

template <Is<DynamicScaling> Spec, class Io>
void visit_fields(Spec& s, Io& io) {
  io("factor", s.factor);
  io("original_length", s.original_length);
}

template <Is<YarnScaling> Spec, class Io>
void visit_fields(Spec& s, Io& io) {
  io("factor", s.factor);
  io("original_length", s.original_length);
  io("beta_fast", s.beta_fast);
  io("beta_slow", s.beta_slow);
  io("attention_factor", s.attention_factor);
  io("mscale", s.mscale);
  io("mscale_all_dim", s.mscale_all_dim);
  io("truncate", s.truncate);
}

template <Is<Llama3Scaling> Spec, class Io>
void visit_fields(Spec& s, Io& io) {
  io("factor", s.factor);
  io("low_frequency_factor", s.low_frequency_factor);
  io("high_frequency_factor", s.high_frequency_factor);
  io("original_length", s.original_length);
}

template <Is<NormSpec> Spec, class Io>
void visit_fields(Spec& s, Io& io) {
  io("epsilon", s.epsilon);
  io("zero_centred", s.zero_centred);
  io("rounded_once", s.rounded_once);
}

template <Is<ModelConfig> Spec, class Io>
void visit_fields(Spec& s, Io& io) {
  io("family", s.family);
  io("backbone", s.backbone);
  io("vocabulary_size", s.vocabulary_size);
  io("width", s.width);
  io("norm", s.norm);
  io("final_norm_epsilon", s.final_norm_epsilon);
  io("tied_head", s.tied_head);
  io("embedding_scale", s.embedding_scale);
  io("residual_scale", s.residual_scale);
  io("logits_scale", s.logits_scale);
  io("max_positions", s.max_positions);
  io("dtype", s.stored);
  io("bos_token_id", s.bos);
  io("eos_token_id", s.eos);
  io("pad_token_id", s.pad);
  io("layers", s.layers);
}

}  // namespace hylo::models
