// Source: huggingface/transformers, src/transformers/models/{deepseek_v2,deepseek_v3,kimi_linear}.
#include <cmath>

#include "models/config/families/expert_keys.h"
#include "models/config/families/families.h"
#include "models/config/families/rope_keys.h"

namespace hylo::models {
namespace {

/// DeepSeek multiplies the softmax scale by this for YaRN's mscale_all_dim.
double scale_for_yarn(const RopeScaling& scaling) {
  const auto* yarn = std::get_if<YarnScaling>(&scaling);
  if (!yarn || yarn->mscale_all_dim.value_or(0) == 0 || yarn->factor <= 1) return 1;
  const double m = 0.1 * *yarn->mscale_all_dim * std::log(yarn->factor) + 1;
  return m * m;
}

/// Widths and ranks; no rotation. Keys and values of all heads come from the latent.
MlaSpec read_latent_attention(JsonReader& reader) {
  MlaSpec spec{.num_heads = positive<int64_t>(reader, "num_attention_heads"),
               .latent_rank = positive_or<int64_t>(reader, "kv_lora_rank", 512),
               .query_rank = reader.get_or<int64_t>("q_lora_rank", 0),
               .nope_width = positive_or<int64_t>(reader, "qk_nope_head_dim", 128),
               .rope_width = positive_or<int64_t>(reader, "qk_rope_head_dim", 64),
               .value_width = positive_or<int64_t>(reader, "v_head_dim", 128),
               .latent_norm = true,
               .bias = reader.get_or<bool>("attention_bias", false)};
  require(spec.query_rank >= 0, "{}: expected a rank, or null for queries that are not compressed",
          reader.path_of("q_lora_rank"));
  const auto kv_heads = reader.get_or<int64_t>("num_key_value_heads", spec.num_heads);
  require(kv_heads == spec.num_heads,
          "{}: latent attention gives each of the {} heads its own keys and values, found {}",
          reader.path_of("num_key_value_heads"), spec.num_heads, kv_heads);
  spec.num_kv_heads = spec.num_heads;
  spec.query_latent_norm = spec.query_rank > 0;
  spec.scale = spec.plain_scale();
  return spec;
}

MlaSpec read_deepseek_attention(JsonReader& reader, const ModelConfig& config) {
  auto spec = read_latent_attention(reader);
  reader.ignore("head_dim");  // Repeats qk_rope_head_dim.
  spec.rope = read_rope(reader, spec.rope_width, {.max_positions = config.max_positions});
  spec.scale *= scale_for_yarn(spec.rope.scaling);
  spec.interleaved =
      config.family == Family::DeepseekV2 || reader.get_or<bool>("rope_interleave", true);
  return spec;
}

MoeSpec read_v2_mixture(JsonReader& reader) {
  MoeSpec mixture{
      .num_experts = positive_or<int64_t>(reader, "n_routed_experts", 64),
      .experts_per_token = positive<int64_t>(reader, "num_experts_per_tok"),
      .width = positive_or<int64_t>(reader, "moe_intermediate_size", 1407),
      .router = {.scale = reader.get_or<double>("routed_scaling_factor", 1.0)},
  };
  mixture.shared_width = mixture.width * reader.get_or<int64_t>("n_shared_experts", 2);
  const auto method = reader.get_or<std::string>("topk_method", "greedy");
  expect_one_of(reader, "topk_method", method, {"greedy", "group_limited_greedy"});
  reader.ignore("n_group");
  reader.ignore("topk_group");
  if (method == "group_limited_greedy") {
    mixture.router.num_groups = positive<int64_t>(reader, "n_group");
    mixture.router.top_groups = positive<int64_t>(reader, "topk_group");
  }
  expect_only(reader, "norm_topk_prob", false);
  expect_only(reader, "scoring_func", "softmax");
  return mixture;
}

MoeSpec read_v3_mixture(JsonReader& reader) {
  MoeSpec mixture{.num_experts = positive_or<int64_t>(
                      reader, first_given(reader, {"n_routed_experts", "num_local_experts"}), 256),
                  .experts_per_token = positive_or<int64_t>(reader, "num_experts_per_tok", 8),
                  .width = positive_or<int64_t>(reader, "moe_intermediate_size", 2048),
                  .router = {.kind = RouterKind::Sigmoid,
                             .normalised = reader.get_or<bool>("norm_topk_prob", true),
                             .scale = reader.get_or<double>("routed_scaling_factor", 2.5),
                             .selection_bias = true,
                             .num_groups = positive_or<int64_t>(reader, "n_group", 8),
                             .top_groups = positive_or<int64_t>(reader, "topk_group", 4)}};
  mixture.shared_width = mixture.width * reader.get_or<int64_t>("n_shared_experts", 1);
  expect_only(reader, "topk_method", "noaux_tc");
  expect_only(reader, "scoring_func", "sigmoid");
  return mixture;
}

MoeSpec read_kimi_mixture(JsonReader& reader) {
  const auto key = [&](std::string_view published, std::string_view library) {
    return first_given(reader, {published, library});
  };
  MoeSpec mixture{
      .num_experts = positive_or<int64_t>(reader, key("num_experts", "num_local_experts"), 256),
      .experts_per_token =
          positive_or<int64_t>(reader, key("num_experts_per_token", "num_experts_per_tok"), 8),
      .width = positive_or<int64_t>(reader, "moe_intermediate_size", 1024),
      .router = {.kind = RouterKind::Sigmoid,
                 .normalised = reader.get_or<bool>(key("moe_renormalize", "norm_topk_prob"), true),
                 .scale = reader.get_or<double>("routed_scaling_factor", 2.446),
                 .selection_bias = true,
                 .num_groups = positive_or<int64_t>(reader, key("num_expert_group", "n_group"), 1),
                 .top_groups = positive_or<int64_t>(reader, "topk_group", 1)}};
  mixture.shared_width =
      mixture.width * reader.get_or<int64_t>(key("num_shared_experts", "n_shared_experts"), 1);
  expect_only(reader, "moe_router_activation_func", "sigmoid");
  return mixture;
}

/// Experts from layer first_k_dense_replace on.
std::vector<bool> sparse_layers(JsonReader& reader, int64_t num_layers, int64_t otherwise) {
  const auto first = reader.get_or<int64_t>("first_k_dense_replace", otherwise);
  require(first >= 0, "{}: expected 0 or more, found {}", reader.path_of("first_k_dense_replace"),
          first);
  expect_only(reader, "moe_layer_freq", 1);
  std::vector<bool> sparse(num_layers);
  for (int64_t i = first; i < num_layers; ++i) sparse[i] = true;
  if (!reader.has("mlp_layer_types")) return sparse;
  const auto words = layer_words(reader, "mlp_layer_types", num_layers, {"dense", "sparse"});
  for (int64_t i = 0; i < num_layers; ++i) sparse[i] = words[i] == "sparse";
  return sparse;
}

/// linear_attn_config counts layers from 1. layer_types, which the library writes beside it, counts
/// where the lists are absent.
std::vector<bool> layers_with_delta(JsonReader& reader, JsonReader& linear, int64_t num_layers) {
  std::vector<bool> delta(num_layers);
  if (linear.has("kda_layers") && linear.has("full_attn_layers")) {
    reader.ignore("layer_types");
    const auto full = layer_indices(linear, "full_attn_layers", num_layers, 1);
    const auto kda = layer_indices(linear, "kda_layers", num_layers, 1);
    std::vector<int> named(num_layers);
    for (const auto layer : full) ++named[layer];
    for (const auto layer : kda) {
      ++named[layer];
      delta[layer] = true;
    }
    for (int64_t i = 0; i < num_layers; ++i) {
      require(named[i] == 1,
              "{}: layer {} (counted from 1) is in {} of kda_layers and "
              "full_attn_layers, expected one",
              linear.path_of("kda_layers"), i + 1, named[i] == 0 ? "neither" : "both");
    }
    return delta;
  }
  if (reader.has("layer_types")) {
    const auto words =
        layer_words(reader, "layer_types", num_layers, {"linear_attention", "full_attention"});
    for (int64_t i = 0; i < num_layers; ++i) delta[i] = words[i] == "linear_attention";
    return delta;
  }
  for (int64_t i = 0; i < num_layers; ++i) delta[i] = i == 0 || i % 4 != 0;
  return delta;
}

KimiDeltaSpec read_kimi_delta(JsonReader& reader, JsonReader& linear, double epsilon) {
  const auto number = [&](const char* key, const char* beside, int64_t otherwise) {
    return positive_or<int64_t>(linear, key, positive_or<int64_t>(reader, beside, otherwise));
  };
  return {.num_heads = number("num_heads", "linear_num_heads", 32),
          .head_width = number("head_dim", "linear_head_dim", 128),
          .conv_width = number("short_conv_kernel_size", "linear_conv_kernel_dim", 4),
          .norm_epsilon = epsilon};
}

}  // namespace

ModelConfig read_deepseek(JsonReader& reader, Family family) {
  const bool v2 = family == Family::DeepseekV2;
  auto config = read_base_fields(reader, family, v2 ? 2048 : 4096);
  const auto attention = read_deepseek_attention(reader, config);
  const SwiGluSpec dense{.width = positive<int64_t>(reader, "intermediate_size"),
                         .bias = reader.get_or<bool>("mlp_bias", false)};
  const auto sparse = sparse_layers(reader, read_num_layers(reader), v2 ? 0 : 3);
  const auto mixture = v2 ? read_v2_mixture(reader) : read_v3_mixture(reader);
  for (const bool experts : sparse) {
    if (experts) check_mixture(mixture, reader.path_of("n_routed_experts"));
    config.layers.push_back(
        {attention, experts ? FeedForwardSpec(mixture) : FeedForwardSpec(dense)});
  }
  return config;
}

ModelConfig read_kimi_linear(JsonReader& reader, Family family) {
  auto config = read_base_fields(reader, family, 1048576, 1e-5);
  config.max_positions = positive_or<int64_t>(reader, "model_max_length", config.max_positions);
  auto attention = read_latent_attention(reader);
  expect_only(reader, "mla_use_nope", true);
  for (const auto* unused : {"head_dim", "rope_parameters", "use_grouped_topk"}) {
    reader.ignore(unused);
  }
  const Json none = Json::object();
  JsonReader linear(reader.has("linear_attn_config") ? reader.at("linear_attn_config") : none,
                    reader.path_of("linear_attn_config"));
  const auto num_layers = read_num_layers(reader);
  const auto delta = layers_with_delta(reader, linear, num_layers);
  const auto delta_spec = read_kimi_delta(reader, linear, config.norm.epsilon);
  linear.done();
  const SwiGluSpec dense{.width = positive<int64_t>(reader, "intermediate_size")};
  const auto sparse = sparse_layers(reader, num_layers, 1);
  const auto mixture = read_kimi_mixture(reader);
  for (int64_t i = 0; i < num_layers; ++i) {
    if (sparse[i]) check_mixture(mixture, reader.path_of("num_experts"));
    config.layers.push_back({delta[i] ? MixerSpec(delta_spec) : MixerSpec(attention),
                             sparse[i] ? FeedForwardSpec(mixture) : FeedForwardSpec(dense)});
  }
  return config;
}

}  // namespace hylo::models
