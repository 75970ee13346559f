// Source: huggingface/transformers, src/transformers/models/{qwen3_next,olmo_hybrid}.
#include "models/config/families/attention_keys.h"
#include "models/config/families/expert_keys.h"
#include "models/config/families/families.h"

namespace hylo::models {
namespace {

/// Whether each layer is linear: layer_types, else all but every `interval`-th.
std::vector<bool> linear_layers(JsonReader& reader, int64_t num_layers, int64_t interval) {
  std::vector<bool> linear(num_layers);
  if (reader.has("layer_types")) {
    reader.ignore("full_attention_interval");
    const auto words =
        layer_words(reader, "layer_types", num_layers, {"linear_attention", "full_attention"});
    for (int64_t i = 0; i < num_layers; ++i) linear[i] = words[i] == "linear_attention";
  } else {
    for (int64_t i = 0; i < num_layers; ++i) linear[i] = (i + 1) % interval != 0;
  }
  return linear;
}

void check_heads(JsonReader& reader, const GatedDeltaSpec& spec) {
  expect_divides(reader.path_of("linear_num_key_heads"), "linear_num_value_heads", spec.num_heads,
                 "linear_num_key_heads", spec.num_key_heads);
}

FeedForwardSpec read_next_mixture(JsonReader& reader, int64_t num_experts) {
  const MoeSpec mixture{
      .num_experts = num_experts,
      .experts_per_token = positive_or<int64_t>(reader, "num_experts_per_tok", 10),
      .width = positive_or<int64_t>(reader, "moe_intermediate_size", 512),
      .router = {.normalised = reader.get_or<bool>("norm_topk_prob", true)},
      .shared_width = positive_or<int64_t>(reader, "shared_expert_intermediate_size", 512),
      .shared_gate = true};
  if (num_experts > 0) check_mixture(mixture, reader.path_of("num_experts"));
  return mixture;
}

ModelConfig read_qwen3_next(JsonReader& reader) {
  auto config = read_base_fields(reader, Family::Qwen3Next, 32768);
  config.norm.zero_centred = config.norm.rounded_once = true;
  auto attention =
      read_attention(reader, config.width,
                     {.num_kv_heads = 2,
                      .head_width = 256,
                      .rope = {.max_positions = config.max_positions, .partial_factor = 0.25}});
  attention.head_norms = HeadNorms::PerHead;
  attention.output_gate = true;
  const GatedDeltaSpec delta{
      .num_key_heads = positive_or<int64_t>(reader, "linear_num_key_heads", 16),
      .num_heads = positive_or<int64_t>(reader, "linear_num_value_heads", 32),
      .key_width = positive_or<int64_t>(reader, "linear_key_head_dim", 128),
      .value_width = positive_or<int64_t>(reader, "linear_value_head_dim", 128),
      .conv_width = positive_or<int64_t>(reader, "linear_conv_kernel_dim", 4),
      .grouped_projections = true,
      .norm_epsilon = config.norm.epsilon};
  check_heads(reader, delta);
  const auto num_layers = read_num_layers(reader);
  const auto linear =
      linear_layers(reader, num_layers, positive_or<int64_t>(reader, "full_attention_interval", 4));
  const auto num_experts = reader.get_or<int64_t>("num_experts", 512);
  require(num_experts >= 0, "{}: expected 0 or more, found {}", reader.path_of("num_experts"),
          num_experts);
  const auto mixture = read_next_mixture(reader, num_experts);
  const SwiGluSpec dense{.width = positive_or<int64_t>(reader, "intermediate_size", 5632)};
  const auto sparse = layers_with_experts(reader, num_layers, num_experts);
  for (int64_t i = 0; i < num_layers; ++i) {
    config.layers.push_back({linear[i] ? MixerSpec(delta) : MixerSpec(attention),
                             sparse[i] ? mixture : FeedForwardSpec(dense)});
  }
  return config;
}

/// A base that is named and null turns rotation off.
bool olmo_rotates(JsonReader& reader) {
  if (!reader.has("rope_parameters")) return true;
  const auto& rope = reader.at("rope_parameters");
  return !(rope.is_object() && rope.contains("rope_theta") && rope.at("rope_theta").is_null());
}

GatedDeltaSpec read_olmo_delta(JsonReader& reader, const ModelConfig& config, int64_t num_heads) {
  GatedDeltaSpec delta{
      .num_key_heads = positive_or<int64_t>(reader, "linear_num_key_heads", num_heads),
      .num_heads = positive_or<int64_t>(reader, "linear_num_value_heads", num_heads),
      .conv_width = positive_or<int64_t>(reader, "linear_conv_kernel_dim", 4),
      .write_scale = reader.get_or<bool>("linear_allow_neg_eigval", true) ? 2.0 : 1.0,
      .norm_epsilon = 1e-5};  // Fixed in the library, whatever rms_norm_eps says.
  delta.key_width = positive_or<int64_t>(reader, "linear_key_head_dim",
                                         3 * config.width / (4 * delta.num_key_heads));
  delta.value_width = positive_or<int64_t>(reader, "linear_value_head_dim", 2 * delta.key_width);
  check_heads(reader, delta);
  return delta;
}

ModelConfig read_olmo_hybrid(JsonReader& reader) {
  auto config = read_base_fields(reader, Family::OlmoHybrid, 65536);
  config.norm.rounded_once = true;
  auto attention = read_attention(reader, config.width,
                                  {.num_kv_heads = {},
                                   .head_width = {},
                                   .rope = {.max_positions = config.max_positions},
                                   .rotates = olmo_rotates(reader)});
  attention.head_norms = HeadNorms::AllHeads;
  const auto delta = read_olmo_delta(reader, config, attention.num_heads);
  const SwiGluSpec feed_forward{.width = positive<int64_t>(reader, "intermediate_size")};
  constexpr int64_t interval = 4;
  for (const bool linear : linear_layers(reader, read_num_layers(reader), interval)) {
    config.layers.push_back({linear ? MixerSpec(delta) : MixerSpec(attention), feed_forward,
                             linear ? Connectivity::PreNorm : Connectivity::PostNorm});
  }
  return config;
}

}  // namespace

ModelConfig read_gated_delta(JsonReader& reader, Family family) {
  return family == Family::Qwen3Next ? read_qwen3_next(reader) : read_olmo_hybrid(reader);
}

}  // namespace hylo::models
