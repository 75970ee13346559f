// Source: huggingface/transformers, src/transformers/models/{mamba2,bamba,granitemoehybrid}.
#include "models/config/families/attention_keys.h"
#include "models/config/families/expert_keys.h"
#include "models/config/families/families.h"

namespace hylo::models {
namespace {

void read_step_limits(JsonReader& reader, Mamba2Spec& spec) {
  if (!reader.has("time_step_limit")) return;
  const auto path = reader.path_of("time_step_limit");
  const auto& limits = reader.at("time_step_limit");
  require(limits.is_array() && limits.size() == 2, "{}: expected two numbers, found {}", path,
          limits.dump());
  spec.min_step = number_or_infinity(limits[0], path);
  spec.max_step = number_or_infinity(limits[1], path);
  require(spec.min_step <= spec.max_step, "{}: {} is more than {}", path, spec.min_step,
          spec.max_step);
}

/// What is left when the keys of a family have been read: B and C in groups, a norm in groups.
Mamba2Spec in_groups(Mamba2Spec spec, int64_t groups, const std::string& where) {
  expect_divides(where, "the number of heads", spec.num_heads, "the number of groups", groups);
  spec.num_value_heads = spec.num_heads;
  spec.num_key_heads = spec.num_query_heads = spec.norm_groups = groups;
  return spec;
}

/// The keys mamba_* of hybrids.
Mamba2Spec read_mamba_keys(JsonReader& reader, const ModelConfig& config) {
  Mamba2Spec spec{.num_heads = positive_or<int64_t>(reader, "mamba_n_heads", 128),
                  .key_width = positive_or<int64_t>(reader, "mamba_d_state", 256),
                  .conv_width = positive_or<int64_t>(reader, "mamba_d_conv", 4),
                  .conv_bias = reader.get_or<bool>("mamba_conv_bias", true),
                  .projection_bias = reader.get_or<bool>("mamba_proj_bias", false),
                  .norm_epsilon = config.norm.epsilon};
  const auto inner = positive_or<int64_t>(reader, "mamba_expand", 2) * config.width;
  const bool derived = !reader.has("mamba_d_head") || reader.at("mamba_d_head") == "auto";
  if (derived) {
    expect_divides(reader.path_of("mamba_d_head"), "mamba_expand * hidden_size", inner,
                   "mamba_n_heads", spec.num_heads);
  }
  spec.value_width = derived ? inner / spec.num_heads : positive<int64_t>(reader, "mamba_d_head");
  require(spec.inner_width() == inner,
          "{}: {} heads of {} are {} wide, mamba_expand * hidden_size is {}",
          reader.path_of("mamba_d_head"), spec.num_heads, spec.value_width, spec.inner_width(),
          inner);
  read_step_limits(reader, spec);
  return in_groups(spec, positive_or<int64_t>(reader, "mamba_n_groups", 1),
                   reader.path_of("mamba_n_groups"));
}

ModelConfig read_mamba2(JsonReader& reader) {
  auto config = read_base_fields(reader, Family::Mamba2, 0);
  config.norm.epsilon = read_epsilon(reader, "layer_norm_epsilon", 1e-5);
  Mamba2Spec spec{.num_heads = positive_or<int64_t>(reader, "num_heads", 128),
                  .key_width = positive_or<int64_t>(reader, "state_size", 128),
                  .value_width = positive_or<int64_t>(reader, "head_dim", 64),
                  .conv_width = positive_or<int64_t>(reader, "conv_kernel", 4),
                  .conv_bias = reader.get_or<bool>("use_conv_bias", true),
                  .projection_bias = reader.get_or<bool>("use_bias", false),
                  .norm_epsilon = config.norm.epsilon};
  const auto inner = positive_or<int64_t>(reader, "expand", 2) * config.width;
  require(spec.inner_width() == inner, "{}: {} heads of {} are {} wide, expand * hidden_size is {}",
          reader.path_of("head_dim"), spec.num_heads, spec.value_width, spec.inner_width(), inner);
  expect_only(reader, "rms_norm", true);
  read_step_limits(reader, spec);
  spec = in_groups(spec, positive_or<int64_t>(reader, "n_groups", 8), reader.path_of("n_groups"));
  config.layers.assign(read_num_layers(reader), {spec, NoFeedForward{}});
  return config;
}

ModelConfig read_bamba(JsonReader& reader) {
  auto config = read_base_fields(reader, Family::Bamba, 262144, 1e-5);
  const auto attention =
      read_attention(reader, config.width,
                     {.num_kv_heads = 8,
                      .head_width = {},
                      .rope = {.max_positions = config.max_positions, .partial_factor = 0.5}});
  const auto mamba = read_mamba_keys(reader, config);
  const SwiGluSpec feed_forward{.width = positive<int64_t>(reader, "intermediate_size"),
                                .bias = reader.get_or<bool>("mlp_bias", false)};
  const auto num_layers = read_num_layers(reader);
  config.layers.assign(num_layers, {mamba, feed_forward});
  for (const auto layer : layer_indices(reader, "attn_layer_indices", num_layers)) {
    config.layers[layer].mixer = attention;
  }
  return config;
}

FeedForwardSpec read_granite_feed_forward(JsonReader& reader) {
  const auto shared = positive_or<int64_t>(reader, "shared_intermediate_size", 1024);
  const auto experts = reader.get_or<int64_t>("num_local_experts", 8);
  if (experts == 0) {
    for (const auto* unused : {"intermediate_size", "num_experts_per_tok"}) reader.ignore(unused);
    return SwiGluSpec{.width = shared};
  }
  const MoeSpec mixture{.num_experts = above_zero(reader, "num_local_experts", experts),
                        .experts_per_token = positive_or<int64_t>(reader, "num_experts_per_tok", 2),
                        .width = positive<int64_t>(reader, "intermediate_size"),
                        .router = {.kind = RouterKind::TopThenSoftmax},
                        .shared_width = shared};
  check_mixture(mixture, reader.path_of("num_local_experts"));
  return mixture;
}

AttentionSpec read_granite_attention(JsonReader& reader, const ModelConfig& config) {
  const auto positions = reader.get_or<std::string>("position_embedding_type", "nope");
  expect_one_of(reader, "position_embedding_type", positions, {"nope", "rope"});
  const bool rotates = positions == "rope";
  for (const auto* unused : {"rope_theta", "rope_scaling", "rope_parameters"}) {
    reader.ignore(unused);
  }
  auto attention = read_attention(reader, config.width,
                                  {.num_kv_heads = {},
                                   .head_width = {},
                                   .rope = {.max_positions = config.max_positions},
                                   .rotates = rotates});
  attention.scale = positive_or<double>(reader, "attention_multiplier", 1.0);
  return attention;
}

ModelConfig read_granite(JsonReader& reader) {
  auto config = read_base_fields(reader, Family::GraniteHybrid, 2048);
  config.embedding_scale = reader.get_or<double>("embedding_multiplier", 1.0);
  config.residual_scale = reader.get_or<double>("residual_multiplier", 1.0);
  config.logits_scale = 1 / positive_or<double>(reader, "logits_scaling", 1.0);
  const auto attention = read_granite_attention(reader, config);
  const auto mamba = read_mamba_keys(reader, config);
  const auto num_layers = read_num_layers(reader);
  config.layers.assign(num_layers, {mamba, read_granite_feed_forward(reader)});
  const auto key = first_given(reader, {"layer_types", "layers_block_type"});
  if (!reader.has(key)) return config;
  const auto words = layer_words(reader, key, num_layers,
                                 {"mamba", "attention", "linear_attention", "full_attention"});
  for (int64_t i = 0; i < num_layers; ++i) {
    if (words[i] == "attention" || words[i] == "full_attention") config.layers[i].mixer = attention;
  }
  return config;
}

}  // namespace

ModelConfig read_mamba(JsonReader& reader, Family family) {
  if (family == Family::Mamba2) return read_mamba2(reader);
  return family == Family::Bamba ? read_bamba(reader) : read_granite(reader);
}

}  // namespace hylo::models
