// Granite 4.0 H, in the dialect of its published checkpoints.
// Source: huggingface/transformers, src/transformers/models/granitemoehybrid.
#include <cmath>

#include "harness/base/error.h"
#include "models/config/architectures.h"
#include "models/config/families/rope_keys.h"
#include "models/config/hf_config.h"
#include "models/config/write_config.h"

namespace hylo::models {
namespace {

/// The one form of each kind that the format has room for. A kind that no layer has is written with
/// sizes that any width has room for.
struct Kinds {
  AttentionSpec attention;
  Mamba2Spec mamba;
};

Kinds kinds_of(const ModelConfig& config) {
  Kinds kinds{
      .attention = {.num_heads = 1, .num_kv_heads = 1, .head_width = config.width, .scale = 1.0},
      .mamba = {.num_heads = 1,
                .num_value_heads = 1,
                .num_key_heads = 1,
                .num_query_heads = 1,
                .key_width = 1,
                .value_width = config.width}};
  for (size_t i = 0; i < config.layers.size(); ++i) {
    const auto& mixer = config.layers[i].mixer;
    if (const auto* attention = std::get_if<AttentionSpec>(&mixer)) {
      kinds.attention = *attention;
    } else if (const auto* mamba = std::get_if<Mamba2Spec>(&mixer)) {
      kinds.mamba = *mamba;
    } else {
      fail(
          "layer {} is {}, but Granite's published format has attention and Mamba2 only; hylo's "
          "own format takes any network",
          i, kind_name(mixer));
    }
  }
  return kinds;
}

/// What a scale was read from. A whole number where its inverse is the scale, so that an inverse of
/// an inverse does not differ in the last bit.
double divisor_of(double scale) {
  const double divisor = 1 / scale;
  const double whole = std::round(divisor);
  return 1 / whole == scale ? whole : divisor;
}

void write_attention(OrderedJson& json, const AttentionSpec& attention, int64_t width) {
  json["num_attention_heads"] = attention.num_heads;
  json["num_key_value_heads"] = attention.num_kv_heads;
  if (attention.head_width * attention.num_heads != width) json["head_dim"] = attention.head_width;
  json["attention_bias"] = attention.input_bias;
  json["attention_multiplier"] = attention.scale.value_or(0);
  const bool rotates = attention.rope.width > 0;
  json["position_embedding_type"] = rotates ? "rope" : "nope";
  json["rope_theta"] = attention.rope.theta;
  json["rope_scaling"] = scaling_json(attention.rope.scaling);
}

void write_mamba(OrderedJson& json, const Mamba2Spec& mamba, int64_t width) {
  json["mamba_n_heads"] = mamba.num_heads;
  json["mamba_d_head"] = mamba.value_width;
  json["mamba_d_state"] = mamba.key_width;
  json["mamba_n_groups"] = mamba.num_key_heads;
  json["mamba_d_conv"] = mamba.conv_width;
  json["mamba_expand"] = mamba.inner_width() / width;
  json["mamba_conv_bias"] = mamba.conv_bias;
  json["mamba_proj_bias"] = mamba.projection_bias;
  const Mamba2Spec unlimited;
  if (mamba.min_step == unlimited.min_step && mamba.max_step == unlimited.max_step) return;
  const auto most =
      std::isinf(mamba.max_step) ? OrderedJson("Infinity") : OrderedJson(mamba.max_step);
  json["time_step_limit"] = {mamba.min_step, most};
}

void write_feed_forward(OrderedJson& json, const FeedForwardSpec& feed_forward) {
  if (const auto* mixture = std::get_if<MoeSpec>(&feed_forward)) {
    json["num_local_experts"] = mixture->num_experts;
    json["num_experts_per_tok"] = mixture->experts_per_token;
    json["intermediate_size"] = mixture->width;
    json["shared_intermediate_size"] = mixture->shared_width;
    return;
  }
  const auto* dense = std::get_if<SwiGluSpec>(&feed_forward);
  require(dense, "Granite's published format has a feed-forward in every layer; layer 0 has none");
  json["num_local_experts"] = json["num_experts_per_tok"] = 0;
  json["intermediate_size"] = json["shared_intermediate_size"] = dense->width;
}

void write_layers(OrderedJson& json, const ModelConfig& config) {
  const auto kinds = kinds_of(config);
  auto types = OrderedJson::array();
  for (const auto& layer : config.layers) {
    types.push_back(is_recurrent(layer.mixer) ? "mamba" : "attention");
  }
  json["num_hidden_layers"] = config.layers.size();
  json["layer_types"] = types;
  write_attention(json, kinds.attention, config.width);
  write_mamba(json, kinds.mamba, config.width);
  write_feed_forward(json, config.layers.at(0).feed_forward);
}

/// A layer that is read back otherwise, or what else is.
std::string difference(const ModelConfig& read, const ModelConfig& wanted) {
  for (size_t i = 0; i < wanted.layers.size(); ++i) {
    if (read.layers[i] != wanted.layers[i]) return fmt::format("layer {}", i);
  }
  return "a norm, a multiplier or a special token";
}

OrderedJson id_json(const std::optional<int32_t>& id) {
  return id ? OrderedJson(*id) : OrderedJson(nullptr);
}

}  // namespace

OrderedJson write_granite_config(const ModelConfig& config) {
  const auto& architecture = architecture_of(Family::GraniteHybrid);
  OrderedJson json{{"architectures", {architecture.name}},
                   {"model_type", architecture.model_type},
                   {"vocab_size", config.vocabulary_size},
                   {"hidden_size", config.width},
                   {"hidden_act", "silu"},
                   {"rms_norm_eps", config.norm.epsilon},
                   {"embedding_multiplier", config.embedding_scale},
                   {"residual_multiplier", config.residual_scale},
                   {"logits_scaling", divisor_of(config.logits_scale)},
                   {"max_position_embeddings", config.max_positions},
                   {"tie_word_embeddings", config.tied_head},
                   {"torch_dtype", type_name(config.stored)},
                   {"bos_token_id", id_json(config.bos)},
                   {"pad_token_id", id_json(config.pad)}};
  json["eos_token_id"] =
      config.eos.size() == 1 ? OrderedJson(config.eos[0]) : OrderedJson(config.eos);
  if (config.eos.empty()) json["eos_token_id"] = nullptr;
  write_layers(json, config);
  const auto read = parse_hf_config(Json::parse(json.dump()), "config.json");
  require(read == config,
          "Granite's published format cannot express this network: {} would be read back otherwise "
          "(it has one form of attention, one of Mamba2 and one feed-forward for all layers); "
          "hylo's own format takes any",
          difference(read, config));
  return json;
}

}  // namespace hylo::models
