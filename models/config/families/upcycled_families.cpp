// Sources: AMD-AGI/AMD-Hybrid-Models, Zebra-Llama/hybrid/hybrid_config.py and hybrid/{mla,mamba2},
// X-EcoMLA/mla/hybrid_mla_{config,layer}.py; jxiw/MambaInLlama,
// mamba2/hybrid_mamba_{config,layer}.py. HyLo's own keys (linear_type, gdn_*) are known from its
// model cards only.
#include <cmath>
#include <map>
#include <optional>

#include "models/config/families/base_fields.h"
#include "models/config/families/families.h"
#include "models/config/families/rope_keys.h"

namespace hylo::models {
namespace {

/// The original length of the published MLA classes where rope_scaling does not name one.
constexpr int64_t default_original_length = 4096;

void expect_equal(JsonReader& plan, std::string_view key, double backbone,
                  std::string_view backbone_key) {
  const auto found = given<double>(plan, key);
  require(!found || *found == backbone, "{}: {}, but {} of config.json is {}", plan.path_of(key),
          found.value_or(0), backbone_key, backbone);
}

/// The backbone's sizes, which every plan repeats.
void check_backbone(JsonReader& plan, const ModelConfig& backbone) {
  const auto width = static_cast<double>(backbone.width);
  expect_equal(plan, "d_model", width, "hidden_size");
  expect_equal(plan, "n_layer", static_cast<double>(backbone.layers.size()), "num_hidden_layers");
  const auto* dense = std::get_if<SwiGluSpec>(&backbone.layers.at(0).feed_forward);
  if (dense) {
    expect_equal(plan, "intermediate_size", static_cast<double>(dense->width), "intermediate_size");
  }
  expect_equal(plan, "rms_norm_eps", backbone.norm.epsilon, "rms_norm_eps");
  expect_equal(plan, "vocab_size", static_cast<double>(backbone.vocabulary_size), "vocab_size");
  expect_only(plan, "hidden_act", "silu");
}

/// YaRN, or nothing. Files that were first published with the backbone's "llama3" mean YaRN too.
RopeScaling read_yarn(JsonReader& plan) {
  const auto word = plan.get_or<std::string>("rope_type", "yarn");
  expect_one_of(plan, "rope_type", word, {"yarn", "llama3", "default"});
  if (!plan.has("rope_scaling")) return {};
  auto json = plan.at("rope_scaling");
  if (!json.is_object()) return read_scaling(json, plan.path_of("rope_scaling"), 1);
  const auto* key = json.contains("rope_type") ? "rope_type" : "type";
  if (json.contains(key) && json.at(key) == "llama3") {
    json[key] = "yarn";
    for (const auto* unused : {"low_freq_factor", "high_freq_factor"}) json.erase(unused);
  }
  const auto scaling = read_scaling(json, plan.path_of("rope_scaling"), default_original_length);
  require(std::holds_alternative<YarnScaling>(scaling) ||
              std::holds_alternative<std::monostate>(scaling),
          "{}.{}: '{}' is not known for latent attention; known are default, yarn, and llama3, "
          "which means yarn",
          plan.path_of("rope_scaling"), key, json.at(key).dump());
  return scaling;
}

void check_mla(const MlaSpec& spec, const JsonReader& plan) {
  expect_divides(plan.path_of("num_key_value_heads"), "num_attention_heads", spec.num_heads,
                 "num_key_value_heads", spec.num_kv_heads);
  require(spec.rope_width % 2 == 0, "{}: {} is odd; rotary pairs need an even width",
          plan.path_of("qk_rope_head_dim"), spec.rope_width);
}

/// Keys that hybrid_config.json and mla_layer_config.json share; all heads have keys and values of
/// their own.
MlaSpec read_mla(JsonReader& plan) {
  MlaSpec spec{.num_heads = positive<int64_t>(plan, "num_attention_heads"),
               .latent_rank = positive<int64_t>(plan, "kv_lora_rank"),
               .query_rank = plan.get_or<int64_t>("q_lora_rank", 0),
               .nope_width = positive<int64_t>(plan, "qk_nope_head_dim"),
               .rope_width = positive<int64_t>(plan, "qk_rope_head_dim"),
               .value_width = positive<int64_t>(plan, "v_head_dim"),
               .bias = plan.get_or<bool>("attention_bias", false)};
  require(spec.query_rank >= 0, "{}: expected a rank, or null for queries that are not compressed",
          plan.path_of("q_lora_rank"));
  spec.num_kv_heads = spec.num_heads;
  spec.latent_norm = plan.get_or<bool>("use_lora_layer_norm", false);
  spec.query_latent_norm = spec.latent_norm && spec.query_rank > 0;
  spec.scale = spec.plain_scale();
  spec.rope = {.theta = positive_or<double>(plan, "rope_theta", 10000.0),
               .width = spec.rope_width,
               .scaling = read_yarn(plan)};
  return spec;
}

/// Heads of queries as in the attention that was replaced, keys and values for as many as d_xb
/// holds. The norm works head by head, its epsilon is fixed in the published code.
Mamba2Spec read_attention_shaped_mamba(JsonReader& plan) {
  const auto path = plan.path_of("ssm_cfg");
  JsonReader ssm(plan.at("ssm_cfg"), path);
  Mamba2Spec spec{.key_width = positive<int64_t>(ssm, "d_state"), .norm_epsilon = 1e-5};
  const auto groups = positive<int64_t>(ssm, "ngroups");
  expect_only(ssm, "expand", 1);
  expect_only(ssm, "repeat_kv_before_conv", false);
  ssm.done();
  const auto inner = positive<int64_t>(plan, "d_inner"), narrow = positive<int64_t>(plan, "d_xb");
  expect_divides(path, "d_inner", inner, "d_state", spec.key_width);
  expect_divides(path, "d_xb", narrow, "d_state", spec.key_width);
  spec.value_width = spec.key_width;
  spec.num_heads = spec.num_query_heads = spec.norm_groups = inner / spec.key_width;
  spec.num_value_heads = spec.num_key_heads = narrow / spec.key_width;
  require(groups == spec.num_heads, "{}.ngroups: {}, but d_inner {} has {} heads of d_state {}",
          path, groups, inner, spec.num_heads, spec.key_width);
  expect_divides(path, "the number of heads", spec.num_heads, "the number of heads in d_xb",
                 spec.num_key_heads);
  return spec;
}

GatedDeltaSpec read_hylo_delta(JsonReader& plan) {
  GatedDeltaSpec spec{.num_heads = positive<int64_t>(plan, "gdn_num_heads"),
                      .key_width = positive<int64_t>(plan, "gdn_head_dim")};
  spec.num_key_heads = spec.num_heads;
  spec.value_width = 2 * spec.key_width;  // expand_v of the layer's class; no key is known for it.
  return spec;
}

MixerSpec read_linear(JsonReader& plan) {
  const auto type = plan.get_or<std::string>("linear_type", "mamba");
  require(type == "gdn" || type == "mamba",
          "{}: linear layers of kind '{}' are not known; known are gdn and mamba, a newer hylo may "
          "know more",
          plan.path_of("linear_type"), type);
  if (type == "gdn") return read_hylo_delta(plan);
  return read_attention_shaped_mamba(plan);
}

/// Keys of one kind of layer count for nothing where no layer is of that kind, and those of
/// training never do.
void ignore_what_is_unused(JsonReader& plan) {
  for (const auto* key : {"attention_dropout",
                          "d_inner",
                          "d_xb",
                          "gdn_head_dim",
                          "gdn_num_heads",
                          "kv_lora_rank",
                          "linear_type",
                          "max_position_embeddings",
                          "num_attention_heads",
                          "q_lora_rank",
                          "qk_nope_head_dim",
                          "qk_rope_head_dim",
                          "qkv_rank_divisor",
                          "rope_scaling",
                          "rope_theta",
                          "rope_type",
                          "ssm_cfg",
                          "use_full_kv_head",
                          "v_head_dim",
                          "use_lora_layer_norm",
                          "attention_bias",
                          "num_key_value_heads"}) {
    plan.ignore(key);
  }
}

ModelConfig upcycled(const ModelConfig& backbone, Family family, const JsonReader& plan) {
  require(backbone.family == Family::Llama || backbone.family == Family::Qwen3,
          "{}: a plan of layers for a Llama or Qwen3 backbone, but config.json is of the family {}",
          plan.path_of("mla_layers or attn_layers"), family_name(backbone.family));
  auto config = backbone;
  config.backbone = backbone.family;
  config.family = family;
  return config;
}

/// HyLo's config.json repeats the backbone's context, which is not that of the checkpoint: YaRN's
/// factor and original length are.
void set_context(ModelConfig& config, const JsonReader& plan, const MlaSpec& mla) {
  const auto* yarn = std::get_if<YarnScaling>(&mla.rope.scaling);
  if (!yarn || !plan.has("linear_type")) return;
  config.max_positions = std::llround(yarn->factor * static_cast<double>(yarn->original_length));
}

MlaSpec read_hylo_mla(JsonReader& plan) {
  auto mla = read_mla(plan);
  const auto kv_heads = positive_or<int64_t>(plan, "num_key_value_heads", mla.num_heads);
  if (!plan.get_or<bool>("use_full_kv_head", false)) mla.num_kv_heads = kv_heads;
  check_mla(mla, plan);
  return mla;
}

struct Ranks {
  int64_t query = 0, latent = 0;
};

/// layer_rank_list: {"3": {"q_rank": 40, "kv_rank": 24}}, where a layer's ranks differ.
std::map<int64_t, Ranks> read_rank_list(JsonReader& layers, int64_t num_layers) {
  std::map<int64_t, Ranks> ranks;
  layers.ignore("layer_rank_list");
  if (!layers.has("layer_rank_list")) return ranks;
  const auto path = layers.path_of("layer_rank_list");
  const auto& list = layers.at("layer_rank_list");
  require(list.is_object(), "{}: expected ranks by layer, found {}", path, list.dump());
  for (const auto& [name, value] : list.items()) {
    const bool digits = !name.empty() && name.size() < 7 &&
                        name.find_first_not_of("0123456789") == std::string::npos;
    require(digits && std::stoll(name) < num_layers,
            "{}.{}: is outside of the model, whose layers are 0 to {}", path, name, num_layers - 1);
    JsonReader entry(value, fmt::format("{}.{}", path, name));
    ranks[std::stoll(name)] = {positive<int64_t>(entry, "q_rank"),
                               positive<int64_t>(entry, "kv_rank")};
    entry.done();
  }
  return ranks;
}

}  // namespace

ModelConfig read_hylo(const ModelConfig& backbone, JsonReader& plan) {
  auto config = upcycled(backbone, Family::Hylo, plan);
  check_backbone(plan, backbone);
  expect_equal(plan, "hidden_size", static_cast<double>(backbone.width), "hidden_size");
  const auto num_layers = std::ssize(config.layers);
  (void)plan.at("mla_layers");
  const auto latent = layer_indices(plan, "mla_layers", num_layers);
  std::optional<MixerSpec> linear;
  if (std::ssize(latent) < num_layers) linear = read_linear(plan);
  std::optional<MlaSpec> mla;
  if (!latent.empty()) mla = read_hylo_mla(plan);
  if (linear) {
    for (auto& layer : config.layers) layer.mixer = *linear;
  }
  for (const auto layer : latent) config.layers[layer].mixer = *mla;
  if (mla) set_context(config, plan, *mla);
  ignore_what_is_unused(plan);
  return config;
}

ModelConfig read_x_ecomla(const ModelConfig& backbone, JsonReader& plan, JsonReader& layers) {
  auto config = upcycled(backbone, Family::XEcoMla, plan);
  check_backbone(plan, backbone);
  expect_equal(layers, "hidden_size", static_cast<double>(backbone.width), "hidden_size");
  const auto num_layers = std::ssize(config.layers);
  auto mla = read_mla(layers);
  check_mla(mla, layers);
  const auto ranks = read_rank_list(layers, num_layers);
  std::vector<bool> kept(num_layers);
  for (const auto layer : layer_indices(plan, "attn_layers", num_layers)) kept[layer] = true;
  for (int64_t i = 0; i < num_layers; ++i) {
    if (kept[i]) continue;
    auto own = mla;
    if (const auto found = ranks.find(i); found != ranks.end()) {
      own.query_rank = found->second.query;
      own.latent_rank = found->second.latent;
    }
    config.layers[i].mixer = own;
  }
  for (const auto* unused : {"d_inner", "d_xb"}) plan.ignore(unused);
  return config;
}

ModelConfig read_mamba_in_llama(const ModelConfig& backbone, JsonReader& plan) {
  auto config = upcycled(backbone, Family::MambaInLlama, plan);
  check_backbone(plan, backbone);
  const auto mamba = read_attention_shaped_mamba(plan);
  const auto num_layers = std::ssize(config.layers);
  std::vector<bool> kept(num_layers);
  for (const auto layer : layer_indices(plan, "attn_layers", num_layers)) kept[layer] = true;
  for (int64_t i = 0; i < num_layers; ++i) {
    if (!kept[i]) config.layers[i].mixer = mamba;
  }
  return config;
}

}  // namespace hylo::models
