#include "models/weights/readings.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "harness/base/error.h"

namespace hylo::models {
namespace {

using Names = std::vector<std::string>;

/// Names below each layer.
std::map<int64_t, Names> by_layer(const Names& names, std::string_view prefix) {
  std::map<int64_t, Names> layers;
  for (const auto& name : names) {
    if (!name.starts_with(prefix)) continue;
    const auto rest = std::string_view(name).substr(prefix.size());
    int64_t index = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), index);
    const size_t digits = end - rest.data();
    if (error != std::errc() || digits >= rest.size() || rest[digits] != '.') continue;
    layers[index].emplace_back(rest.substr(digits + 1));
  }
  return layers;
}

bool is_upcycled(Family family) {
  return family == Family::Hylo || family == Family::XEcoMla || family == Family::MambaInLlama;
}

/// The key that says which layers are of which kind.
std::string_view layer_list_key(Family family) {
  switch (family) {
    case Family::Hylo:
      return "hybrid_config.json.mla_layers";
    case Family::XEcoMla:
      return "MLA_config.json.attn_layers";
    case Family::MambaInLlama:
      return "mamba_config.json.attn_layers";
    case Family::Bamba:
      return "config.json.attn_layer_indices";
    case Family::KimiLinear:
      return "config.json.linear_attn_config.kda_layers";
    case Family::JetNemotron:
    case Family::GraniteHybrid:
    case Family::Qwen3Next:
    case Family::OlmoHybrid:
      return "config.json.layer_types";
    default:
      return "config.json";
  }
}

void check_kinds(const ModelConfig& config, const std::map<int64_t, Names>& layers,
                 const std::string& where) {
  for (int64_t i = 0; i < std::ssize(config.layers); ++i) {
    const auto found = layers.find(i);
    if (found == layers.end()) continue;  // Told as missing tensors.
    const auto first = std::ranges::find_if(
        found->second, [](const auto& name) { return !is_beside_mixer(name); });
    if (first == found->second.end()) continue;
    const std::string expected = kind_name(config.layers[i].mixer);
    const auto kind = mixer_kind_of(found->second);
    require(
        kind.has_value(),
        "{}: layer {} should be {} ({}), but its tensors (the first is '{}') are of no kind that "
        "this hylo knows; the checkpoint may be newer",
        where, i, expected, layer_list_key(config.family), *first);
    require(*kind == expected,
            "{}: {} makes layer {} {}, but its tensors (the first is '{}') are of {}", where,
            layer_list_key(config.family), i, expected, *first, *kind);
  }
}

/// The module of layers that hold short convolutions, where the format's own name is inferred.
void settle_delta_module(const ModelConfig& config, const std::map<int64_t, Names>& layers,
                         const std::string& where, Readings& readings) {
  if (config.family != Family::Hylo) return;
  std::set<std::string> modules;
  for (const auto& [index, names] : layers) {
    for (const auto& name : names) {
      const auto dot = name.find('.');
      if (name.substr(std::min(dot, name.size())) == delta_conv)
        modules.insert(name.substr(0, dot));
    }
  }
  if (modules.empty()) return;
  require(modules.size() == 1, "{}: Gated DeltaNet layers lie under several modules: {}", where,
          fmt::join(modules, ", "));
  if (*modules.begin() == readings.spelling.delta_module) return;
  readings.notes.push_back(fmt::format("Gated DeltaNet layers are stored under '{}', not '{}'",
                                       *modules.begin(), readings.spelling.delta_module));
  readings.spelling.delta_module = *modules.begin();
}

void settle_head(ModelConfig& config, const Names& names, Readings& readings) {
  const bool stored = std::ranges::find(names, hf_head_name) != names.end();
  if (!stored || !config.tied_head) return;
  config.tied_head = false;
  readings.notes.emplace_back(
      "the head has weights of its own, although config.json, which is the backbone's, ties it");
}

/// MLA layers by the norms that they hold; a layer may hold both.
struct LatentNorms {
  std::vector<int64_t> of_heads, of_latent, neither;
  int64_t num_layers = 0;
};

LatentNorms take_latent_norms(ModelConfig& config, const std::map<int64_t, Names>& layers) {
  LatentNorms norms;
  for (int64_t i = 0; i < std::ssize(config.layers); ++i) {
    auto* mla = std::get_if<MlaSpec>(&config.layers[i].mixer);
    const auto found = layers.find(i);
    if (!mla || found == layers.end()) continue;
    const auto has = [&](std::string_view name) {
      return std::ranges::find(found->second, name) != found->second.end();
    };
    ++norms.num_layers;
    mla->head_norms = has(mla_query_norm) || has(mla_key_norm);
    mla->latent_norm = mla->latent_norm || has(mla_latent_norm);
    mla->query_latent_norm = mla->query_latent_norm || has(mla_query_latent_norm);
    if (mla->head_norms) norms.of_heads.push_back(i);
    if (mla->latent_norm) norms.of_latent.push_back(i);
    if (!mla->head_norms && !mla->latent_norm) norms.neither.push_back(i);
  }
  return norms;
}

/// Each layer is read as its own tensors say; where layers differ the notes name them.
void settle_latent_norms(ModelConfig& config, const std::map<int64_t, Names>& layers,
                         Readings& readings) {
  const auto norms = take_latent_norms(config, layers);
  const auto note = [&](const std::vector<int64_t>& indices, std::string_view text) {
    if (indices.empty()) return;
    const bool all = std::ssize(indices) == norms.num_layers;
    const auto which = all ? ""
                           : fmt::format(" of layer{} {}", indices.size() == 1 ? "" : "s",
                                         fmt::join(indices, ", "));
    readings.notes.push_back(fmt::format("MLA{}: {}", which, text));
  };
  note(norms.of_heads,
       "queries and keys are normed head by head, before the rotation (reading A: mla.q_norm and "
       "mla.k_norm are stored)");
  note(norms.of_latent, "the latent is normed (reading B: mla.kv_a_layernorm is stored)");
  if (config.backbone != Family::Qwen3) return;
  note(norms.neither,
       "neither norms of heads nor of the latent are stored, although Qwen3's attention has norms");
}

}  // namespace

Readings settle_by_tensors(ModelConfig& config, const Names& names, const std::string& where) {
  Readings readings;
  const auto layers = by_layer(names, layer_prefix(config, readings.spelling));
  check_kinds(config, layers, where);
  settle_delta_module(config, layers, where, readings);
  if (!is_upcycled(config.family)) return readings;
  settle_head(config, names, readings);
  settle_latent_norms(config, layers, readings);
  return readings;
}

}  // namespace hylo::models
