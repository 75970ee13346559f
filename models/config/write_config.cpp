#include "models/config/write_config.h"

#include <tuple>

#include "models/config/architectures.h"
#include "models/config/families/rope_keys.h"
#include "models/config/hf_config.h"
#include "models/config/own_config.h"

namespace hylo::models {
namespace {

bool is_dense(Family family) {
  return family == Family::Llama || family == Family::Mistral || family == Family::Qwen2 ||
         family == Family::Qwen3;
}

void write_windows(OrderedJson& json, const ModelConfig& config) {
  std::vector<std::string> types;
  std::optional<int64_t> window;
  for (const auto& layer : config.layers) {
    const auto& attention = std::get<AttentionSpec>(layer.mixer);
    types.emplace_back(attention.window ? "sliding_attention" : "full_attention");
    if (attention.window) {
      require(!window || window == attention.window,
              "a checkpoint of this format has one window for all layers; found {} and {}", *window,
              *attention.window);
      window = attention.window;
    }
  }
  json["sliding_window"] = window ? OrderedJson(*window) : OrderedJson(nullptr);
  if (config.family == Family::Mistral) return;
  json["use_sliding_window"] = window.has_value();
  json["layer_types"] = types;
}

/// One layer for all: a dense checkpoint's differ in nothing but their window.
void require_equal_layers(const ModelConfig& config) {
  for (const auto& layer : config.layers) {
    const auto* first = std::get_if<AttentionSpec>(&config.layers.at(0).mixer);
    const auto* other = std::get_if<AttentionSpec>(&layer.mixer);
    bool same = first && other && std::holds_alternative<SwiGluSpec>(layer.feed_forward);
    if (same) {
      auto windowed = *other;
      windowed.window = first->window;
      same = windowed == *first && layer.feed_forward == config.layers[0].feed_forward;
    }
    require(same,
            "a checkpoint of the {} format has equal layers; these differ in more than their "
            "window",
            family_name(config.family));
  }
}

OrderedJson write_dense_config(const ModelConfig& config) {
  require_equal_layers(config);
  const auto& attention = std::get<AttentionSpec>(config.layers[0].mixer);
  const auto& feed_forward = std::get<SwiGluSpec>(config.layers[0].feed_forward);
  const auto& architecture = architecture_of(config.family);
  OrderedJson json{{"architectures", {architecture.name}},
                   {"model_type", architecture.model_type},
                   {"vocab_size", config.vocabulary_size},
                   {"hidden_size", config.width},
                   {"intermediate_size", feed_forward.width},
                   {"num_hidden_layers", config.layers.size()},
                   {"num_attention_heads", attention.num_heads},
                   {"num_key_value_heads", attention.num_kv_heads},
                   {"head_dim", attention.head_width},
                   {"hidden_act", "silu"},
                   {"rms_norm_eps", config.norm.epsilon},
                   {"max_position_embeddings", config.max_positions},
                   {"rope_theta", attention.rope.theta},
                   {"rope_scaling", scaling_json(attention.rope.scaling)},
                   {"tie_word_embeddings", config.tied_head},
                   {"torch_dtype", type_name(config.stored)}};
  if (config.family != Family::Qwen2) json["attention_bias"] = attention.input_bias;
  if (config.family == Family::Llama) json["mlp_bias"] = feed_forward.bias;
  if (config.family != Family::Llama) write_windows(json, config);
  json["bos_token_id"] = config.bos ? OrderedJson(*config.bos) : OrderedJson(nullptr);
  json["eos_token_id"] =
      config.eos.size() == 1 ? OrderedJson(config.eos[0]) : OrderedJson(config.eos);
  if (config.eos.empty()) json["eos_token_id"] = nullptr;
  json["pad_token_id"] = config.pad ? OrderedJson(*config.pad) : OrderedJson(nullptr);
  return json;
}

}  // namespace

CheckpointFormat natural_format(Family family) {
  const bool published =
      is_dense(family) || family == Family::Hylo || family == Family::GraniteHybrid;
  return published ? CheckpointFormat::Published : CheckpointFormat::Own;
}

OrderedJson write_hf_config(const ModelConfig& config) {
  return is_dense(config.family) ? write_dense_config(config) : write_own_config(config);
}

std::vector<std::pair<std::string, OrderedJson>> config_files(
    const ModelConfig& config, CheckpointFormat format,
    const std::optional<Provenance>& provenance) {
  if (format == CheckpointFormat::Own) {
    return {{"config.json", write_own_config(config, provenance)}};
  }
  require(
      natural_format(config.family) == CheckpointFormat::Published,
      "checkpoints of the {} family are not written in their published format; hylo's own takes "
      "any network",
      family_name(config.family));
  OrderedJson config_json, plan;
  if (is_dense(config.family)) {
    config_json = write_dense_config(config);
  } else if (config.family == Family::GraniteHybrid) {
    config_json = write_granite_config(config);
  } else {
    std::tie(config_json, plan) = write_hylo_config(config);
  }
  if (provenance) config_json["provenance"] = provenance_json(*provenance);
  if (plan.is_null()) return {{"config.json", config_json}};
  return {{"config.json", config_json}, {"hybrid_config.json", plan}};
}

}  // namespace hylo::models
