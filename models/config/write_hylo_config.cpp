// HyLo's published format. Known from the Zebra-Llama repository (AMD-AGI/AMD-Hybrid-Models,
// Zebra-Llama/hybrid/hybrid_config.py) and, for linear_type and gdn_*, from HyLo's model cards.
#include "models/config/families/families.h"
#include "models/config/families/rope_keys.h"
#include "models/config/hf_config.h"
#include "models/config/write_config.h"

namespace hylo::models {
namespace {

/// The kinds of layers that the format has room for: one of each.
struct Plan {
  std::vector<int64_t> mla_layers;
  std::optional<MlaSpec> mla;
  std::optional<Mamba2Spec> mamba;
  std::optional<GatedDeltaSpec> delta;
};

Plan plan_of(const ModelConfig& config) {
  Plan plan;
  for (size_t i = 0; i < config.layers.size(); ++i) {
    const auto& mixer = config.layers[i].mixer;
    if (const auto* mla = std::get_if<MlaSpec>(&mixer)) {
      plan.mla_layers.push_back(static_cast<int64_t>(i));
      plan.mla = *mla;
    } else if (const auto* mamba = std::get_if<Mamba2Spec>(&mixer)) {
      plan.mamba = *mamba;
    } else if (const auto* delta = std::get_if<GatedDeltaSpec>(&mixer)) {
      plan.delta = *delta;
    } else {
      fail(
          "layer {} is {}, but HyLo's published format has MLA, Gated DeltaNet and Mamba2 only; "
          "hylo's own format takes any network",
          i, kind_name(mixer));
    }
  }
  return plan;
}

OrderedJson id_json(const std::optional<int32_t>& id) {
  return id ? OrderedJson(*id) : OrderedJson(nullptr);
}

/// Heads and widths of the attention that was replaced, as far as its successors tell.
struct Heads {
  int64_t queries = 1, keys = 1, width = 2;
};

Heads heads_of(const Plan& plan, int64_t model_width) {
  if (plan.mamba) {
    return {plan.mamba->num_query_heads, plan.mamba->num_key_heads, plan.mamba->key_width};
  }
  if (plan.mla) return {plan.mla->num_heads, plan.mla->num_kv_heads, plan.mla->value_width};
  return {.width = model_width};
}

/// Like the backbone's; nothing of its attention is used.
OrderedJson backbone_json(const ModelConfig& config, const Plan& plan) {
  const bool qwen = config.backbone == Family::Qwen3;
  const auto heads = heads_of(plan, config.width);
  const auto* feed_forward = std::get_if<SwiGluSpec>(&config.layers[0].feed_forward);
  require(feed_forward, "layer 0 has no SwiGLU, which HyLo's published format asks for");
  OrderedJson json{{"architectures", {qwen ? "Qwen3ForCausalLM" : "LlamaForCausalLM"}},
                   {"model_type", qwen ? "qwen3" : "llama"},
                   {"vocab_size", config.vocabulary_size},
                   {"hidden_size", config.width},
                   {"intermediate_size", feed_forward->width},
                   {"num_hidden_layers", config.layers.size()},
                   {"num_attention_heads", heads.queries},
                   {"num_key_value_heads", heads.keys},
                   {"head_dim", heads.width + heads.width % 2},
                   {"hidden_act", "silu"},
                   {"rms_norm_eps", config.norm.epsilon},
                   {"max_position_embeddings", config.max_positions},
                   {"rope_theta", plan.mla ? plan.mla->rope.theta : 10000.0},
                   {"rope_scaling", nullptr},
                   {"attention_bias", false},
                   {"tie_word_embeddings", config.tied_head},
                   {"torch_dtype", type_name(config.stored)},
                   {"bos_token_id", id_json(config.bos)},
                   {"eos_token_id", config.eos},
                   {"pad_token_id", id_json(config.pad)}};
  if (config.eos.empty()) json["eos_token_id"] = nullptr;
  if (config.eos.size() == 1) json["eos_token_id"] = config.eos[0];
  if (!qwen) json["mlp_bias"] = feed_forward->bias;
  return json;
}

void add_mla(OrderedJson& json, const MlaSpec& mla) {
  json["num_attention_heads"] = mla.num_heads;
  json["num_key_value_heads"] = mla.num_kv_heads;
  json["use_full_kv_head"] = mla.num_kv_heads == mla.num_heads;
  json["kv_lora_rank"] = mla.latent_rank;
  json["q_lora_rank"] = mla.query_rank > 0 ? OrderedJson(mla.query_rank) : OrderedJson(nullptr);
  json["use_lora_layer_norm"] = mla.latent_norm && mla.query_latent_norm;
  json["qk_nope_head_dim"] = mla.nope_width;
  json["qk_rope_head_dim"] = mla.rope_width;
  json["v_head_dim"] = mla.value_width;
  json["qkv_rank_divisor"] = 8;
  json["rope_theta"] = mla.rope.theta;
  json["rope_scaling"] = scaling_json(mla.rope.scaling);
  json["rope_type"] = "yarn";
  json["attention_bias"] = mla.bias;
}

void add_mamba(OrderedJson& json, const Mamba2Spec& mamba) {
  json["ssm_cfg"] = {{"expand", 1},
                     {"ngroups", mamba.num_heads},
                     {"d_state", mamba.key_width},
                     {"repeat_kv_before_conv", false}};
  json["d_inner"] = mamba.inner_width();
  json["d_xb"] = mamba.num_key_heads * mamba.key_width;
}

OrderedJson plan_json(const ModelConfig& config, const Plan& plan) {
  OrderedJson json{{"hidden_size", config.width},
                   {"d_model", config.width},
                   {"intermediate_size", std::get<SwiGluSpec>(config.layers[0].feed_forward).width},
                   {"hidden_act", "silu"},
                   {"n_layer", config.layers.size()},
                   {"mla_layers", plan.mla_layers},
                   {"rms_norm_eps", config.norm.epsilon},
                   {"max_position_embeddings", config.max_positions}};
  if (plan.mla) add_mla(json, *plan.mla);
  if (plan.mamba) add_mamba(json, *plan.mamba);
  if (plan.delta) {
    json["linear_type"] = "gdn";
    json["gdn_num_heads"] = plan.delta->num_heads;
    json["gdn_head_dim"] = plan.delta->key_width;
  }
  return json;
}

/// What the files do not say and the tensors decide.
ModelConfig without_what_tensors_tell(ModelConfig config) {
  for (auto& layer : config.layers) {
    auto* mla = std::get_if<MlaSpec>(&layer.mixer);
    if (!mla) continue;
    mla->head_norms = false;
    if (!mla->query_latent_norm) mla->latent_norm = false;
  }
  return config;
}

ModelConfig read_back(const OrderedJson& backbone, const OrderedJson& plan) {
  const auto config_json = Json::parse(backbone.dump()), plan_json = Json::parse(plan.dump());
  JsonReader reader(plan_json, "hybrid_config.json");
  return read_hylo(parse_hf_config(config_json, "config.json"), reader);
}

/// Where `read` is not what was to be written.
std::string difference(const ModelConfig& read, const ModelConfig& wanted) {
  for (size_t i = 0; i < wanted.layers.size(); ++i) {
    if (read.layers[i] != wanted.layers[i]) return fmt::format("layer {}", i);
  }
  return read.max_positions != wanted.max_positions ? "the context" : "a norm or scale";
}

}  // namespace

std::pair<OrderedJson, OrderedJson> write_hylo_config(const ModelConfig& config) {
  require(config.backbone.has_value(),
          "HyLo's published format names a backbone, Llama or Qwen3; this network has none");
  const auto plan = plan_of(config);
  const auto backbone = backbone_json(config, plan);
  auto written = plan_json(config, plan);
  const auto wanted = without_what_tensors_tell(config);
  const auto read = [&] { return without_what_tensors_tell(read_back(backbone, written)); };
  // Zebra-Llama's files have no linear_type, and their context is that of config.json.
  if (plan.mamba && !plan.delta && read() != wanted) written["linear_type"] = "mamba";
  const auto found = read();
  require(
      found == wanted,
      "HyLo's published format cannot express this network: {} would be read back otherwise (it "
      "has one form of MLA, one linear form and one SwiGLU for all layers); hylo's own format "
      "takes any",
      difference(found, wanted));
  return {backbone, written};
}

}  // namespace hylo::models
