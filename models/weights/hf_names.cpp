#include "models/weights/hf_names.h"

#include <algorithm>
#include <array>
#include <span>

#include "harness/base/error.h"
#include "harness/base/overloaded.h"

namespace hylo::models {
namespace {

/// How a stored tensor differs from ours beyond its name.
enum class Form {
  Same,
  Taps,       ///< [channels, 1, width], ours [channels, width]
  FourDims,   ///< [1, 1, heads, 1], ours [heads]
  FirstRows,  ///< the first half of the rows
  LastRows,   ///< the second half
};

/// Ours and theirs, below a layer's module, less ".weight" or ".bias". A "{}" is an expert; where
/// theirs has none, experts are the first dim of one tensor.
struct NameRow {
  std::string_view ours, theirs;
  Form form = Form::Same;
};
using Rows = std::span<const NameRow>;

/// Where the tensors of a mixer or feed-forward are, below the layer; rows of `first` win.
struct Module {
  std::string_view path;
  Rows first, then = {};
};

constexpr std::array llama_model{NameRow{"embedding", "model.embed_tokens"},
                                 NameRow{"final_norm", "model.norm"}, NameRow{"head", "lm_head"}};
constexpr std::array bamba_model{NameRow{"embedding", "model.embed_tokens"},
                                 NameRow{"final_norm", "model.final_layernorm"},
                                 NameRow{"head", "lm_head"}};
constexpr std::array mamba2_model{NameRow{"embedding", "backbone.embeddings"},
                                  NameRow{"final_norm", "backbone.norm_f"},
                                  NameRow{"head", "lm_head"}};
constexpr std::array llamba_model{NameRow{"embedding", "backbone.embedding"},
                                  NameRow{"final_norm", "backbone.final_layernorm"},
                                  NameRow{"head", "lm_head"}};

constexpr std::array llama_norms{NameRow{"mixer_norm", "input_layernorm"},
                                 NameRow{"feed_forward_norm", "post_attention_layernorm"}};
constexpr std::array bamba_norms{NameRow{"mixer_norm", "input_layernorm"},
                                 NameRow{"feed_forward_norm", "pre_ff_layernorm"}};
constexpr std::array mamba2_norms{NameRow{"mixer_norm", "norm"}};
constexpr std::array olmo_linear_norms{NameRow{"mixer_norm", "attention_layer_norm"},
                                       NameRow{"feed_forward_norm", "feedforward_layer_norm"}};
constexpr std::array olmo_attention_norms{
    NameRow{"mixer_norm", "post_attention_layernorm"},
    NameRow{"feed_forward_norm", "post_feedforward_layernorm"}};

constexpr std::array attention_rows{
    NameRow{"query", "q_proj"},  NameRow{"key", "k_proj"},        NameRow{"value", "v_proj"},
    NameRow{"output", "o_proj"}, NameRow{"query_norm", "q_norm"}, NameRow{"key_norm", "k_norm"},
};
constexpr std::array mla_rows{
    NameRow{"query", "q_proj"},
    NameRow{"query_down", "q_a_proj"},
    NameRow{"query_latent_norm", "q_a_layernorm"},
    NameRow{"query_up", "q_b_proj"},
    NameRow{"latent_down", "kv_a_proj_with_mqa"},
    NameRow{"latent_norm", "kv_a_layernorm"},
    NameRow{"latent_up", "kv_b_proj"},
    NameRow{"query_norm", "q_norm"},
    NameRow{"key_norm", "k_norm"},
    NameRow{"output", "o_proj"},
};
constexpr std::array zebra_mla_rows{NameRow{"output", "out_proj"}};
constexpr std::array mamba_rows{
    NameRow{"input", "in_proj"},   NameRow{"conv", "conv1d", Form::Taps},
    NameRow{"a_log", "A_log"},     NameRow{"dt_bias", "dt_bias"},
    NameRow{"skip", "D"},          NameRow{"norm", "norm"},
    NameRow{"output", "out_proj"}, NameRow{"gate_bias", "z_bias"},
};
constexpr std::array delta_rows{
    NameRow{"query", "q_proj"},
    NameRow{"key", "k_proj"},
    NameRow{"value", "v_proj"},
    NameRow{"gate", "g_proj"},
    NameRow{"decay", "a_proj"},
    NameRow{"write", "b_proj"},
    NameRow{"query_conv", "q_conv1d", Form::Taps},
    NameRow{"key_conv", "k_conv1d", Form::Taps},
    NameRow{"value_conv", "v_conv1d", Form::Taps},
    NameRow{"a_log", "A_log"},
    NameRow{"dt_bias", "dt_bias"},
    NameRow{"norm", "o_norm"},
    NameRow{"output", "o_proj"},
};
constexpr std::array grouped_delta_rows{
    NameRow{"input", "in_proj_qkvz"},
    NameRow{"write_decay", "in_proj_ba"},
    NameRow{"norm", "norm"},
    NameRow{"output", "out_proj"},
    NameRow{"a_log", "A_log"},
    NameRow{"dt_bias", "dt_bias"},
    NameRow{"conv", "conv1d", Form::Taps},
};
constexpr std::array kimi_delta_rows{
    NameRow{"decay_down", "f_a_proj"},         NameRow{"decay_up", "f_b_proj"},
    NameRow{"gate_down", "g_a_proj"},          NameRow{"gate_up", "g_b_proj"},
    NameRow{"a_log", "A_log", Form::FourDims},
};
constexpr std::array jet_rows{
    NameRow{"generator_down", "dynamic_conv1d.kernel_generator.w1"},
    NameRow{"generator_up", "dynamic_conv1d.kernel_generator.w2"},
};

constexpr std::array dense_rows{NameRow{"gate", "gate_proj"}, NameRow{"up", "up_proj"},
                                NameRow{"down", "down_proj"}};
constexpr std::array granite_dense_rows{NameRow{"gate", "input_linear", Form::FirstRows},
                                        NameRow{"up", "input_linear", Form::LastRows},
                                        NameRow{"down", "output_linear"}};
constexpr std::array mixtral_expert_rows{NameRow{"experts.{}.gate", "experts.{}.w1"},
                                         NameRow{"experts.{}.up", "experts.{}.w3"},
                                         NameRow{"experts.{}.down", "experts.{}.w2"}};
constexpr std::array expert_rows{
    NameRow{"router", "gate"},
    NameRow{"router.selection_bias", "gate.e_score_correction_bias"},
    NameRow{"experts.{}.gate", "experts.{}.gate_proj"},
    NameRow{"experts.{}.up", "experts.{}.up_proj"},
    NameRow{"experts.{}.down", "experts.{}.down_proj"},
    NameRow{"shared.gate", "shared_experts.gate_proj"},
    NameRow{"shared.up", "shared_experts.up_proj"},
    NameRow{"shared.down", "shared_experts.down_proj"},
    NameRow{"shared_gate", "shared_expert_gate"},
};
constexpr std::array qwen_shared_rows{NameRow{"shared.gate", "shared_expert.gate_proj"},
                                      NameRow{"shared.up", "shared_expert.up_proj"},
                                      NameRow{"shared.down", "shared_expert.down_proj"}};
constexpr std::array granite_expert_rows{
    NameRow{"router", "block_sparse_moe.router.layer"},
    NameRow{"experts.{}.gate", "block_sparse_moe.input_linear", Form::FirstRows},
    NameRow{"experts.{}.up", "block_sparse_moe.input_linear", Form::LastRows},
    NameRow{"experts.{}.down", "block_sparse_moe.output_linear"},
    NameRow{"shared.gate", "shared_mlp.input_linear", Form::FirstRows},
    NameRow{"shared.up", "shared_mlp.input_linear", Form::LastRows},
    NameRow{"shared.down", "shared_mlp.output_linear"},
};

/// Tensors that only one kind of mixer has, in the order in which they are asked for.
struct Marker {
  std::string_view part, kind;
};
constexpr std::array markers{
    Marker{"dynamic_conv1d.", "JetBlock"},
    Marker{"kv_a_proj_with_mqa.", "MLA"},
    Marker{"f_a_proj.", "Kimi Delta Attention"},
    Marker{"q_conv1d.", "Gated DeltaNet"},
    Marker{"in_proj_qkvz.", "Gated DeltaNet"},
    Marker{"z_bias", "Discrete Mamba2"},
    Marker{"in_proj.", "Mamba2"},
    Marker{"q_proj.", "attention"},
};

Rows model_rows(Family family) {
  if (family == Family::Mamba2) return mamba2_model;
  if (family == Family::Llamba) return llamba_model;
  if (family == Family::Bamba) return bamba_model;
  return llama_model;
}

Rows norm_rows(Family family, const LayerSpec& layer) {
  if (family == Family::Mamba2) return mamba2_norms;
  if (family == Family::Bamba) return bamba_norms;
  if (family != Family::OlmoHybrid) return llama_norms;
  if (layer.connectivity == Connectivity::PostNorm) return olmo_attention_norms;
  return olmo_linear_norms;
}

Module mixer_module(Family family, const MixerSpec& mixer, const Spelling& spelling) {
  const bool upcycled = family == Family::Hylo || family == Family::XEcoMla;
  return std::visit(overloaded{
                        [](const AttentionSpec&) {
                          return Module{"self_attn", attention_rows};
                        },
                        [&](const MlaSpec&) {
                          return upcycled ? Module{"mla", zebra_mla_rows, mla_rows}
                                          : Module{"self_attn", mla_rows};
                        },
                        [&](const Mamba2Spec&) {
                          return Module{family == Family::Mamba2 ? "mixer" : "mamba", mamba_rows};
                        },
                        [](const DiscreteMamba2Spec&) {
                          return Module{"mixer", mamba_rows};
                        },
                        [&](const GatedDeltaSpec& s) {
                          if (s.grouped_projections)
                            return Module{"linear_attn", grouped_delta_rows};
                          return Module{
                              upcycled ? std::string_view(spelling.delta_module) : "linear_attn",
                              delta_rows};
                        },
                        [](const KimiDeltaSpec&) {
                          return Module{"self_attn", kimi_delta_rows, delta_rows};
                        },
                        [](const JetBlockSpec&) {
                          return Module{"self_attn", jet_rows, delta_rows};
                        },
                    },
                    mixer);
}

Module expert_module(Family family) {
  switch (family) {
    case Family::Mixtral:
    case Family::KimiLinear:
      return {"block_sparse_moe", mixtral_expert_rows, expert_rows};
    case Family::GraniteHybrid:
      return {"", granite_expert_rows};
    case Family::Qwen3Next:
      return {"mlp", qwen_shared_rows, expert_rows};
    default:
      return {"mlp", expert_rows};
  }
}

Module feed_forward_module(Family family, const FeedForwardSpec& feed_forward) {
  if (std::holds_alternative<MoeSpec>(feed_forward)) return expert_module(family);
  if (family == Family::GraniteHybrid) return {"shared_mlp", granite_dense_rows};
  return {family == Family::Bamba ? "feed_forward" : "mlp", dense_rows};
}

const NameRow* find(Rows rows, std::string_view ours) {
  const auto found = std::ranges::find(rows, ours, &NameRow::ours);
  return found == rows.end() ? nullptr : &*found;
}

const NameRow& row_of(const Module& module, std::string_view ours, std::string_view slot) {
  const auto* row = find(module.first, ours);
  if (!row) row = find(module.then, ours);
  invariant(row, "no checkpoint name for '{}'", slot);
  return *row;
}

/// "query" and ".weight"; what is no weight or bias of a projection has no ending.
std::pair<std::string_view, std::string_view> split_ending(std::string_view name) {
  for (const std::string_view ending : {".weight", ".bias"}) {
    if (!name.ends_with(ending)) continue;
    return {name.substr(0, name.size() - ending.size()), ending};
  }
  return {name, ""};
}

/// "experts.12.gate" -> "experts.{}.gate" and "12".
std::pair<std::string, std::string> split_expert(std::string_view part) {
  constexpr std::string_view experts = "experts.";
  if (!part.starts_with(experts)) return {std::string(part), ""};
  const auto end = part.find('.', experts.size());
  return {fmt::format("experts.{{}}{}", part.substr(end)),
          std::string(part.substr(experts.size(), end - experts.size()))};
}

void apply(Form form, StoredTensor& stored) {
  auto& shape = stored.shape;
  switch (form) {
    case Form::Same:
      return;
    case Form::Taps:
      if (shape.size() == 2) shape = {shape[0], 1, shape[1]};  // A bias stays as it is.
      return;
    case Form::FourDims:
      shape = {1, 1, shape[0], 1};
      return;
    case Form::FirstRows:
    case Form::LastRows:
      stored.rows = {.begin = form == Form::FirstRows ? 0 : shape[0], .count = shape[0]};
      shape[0] *= 2;
      return;
  }
}

/// A slot below a layer: its part and the module of it.
StoredTensor in_layer(const ModelConfig& config, const WeightSlot& slot, std::string_view index,
                      std::string_view rest, const Spelling& spelling) {
  const auto& layer = config.layers.at(std::stoull(std::string(index)));
  const auto [part, ending] = split_ending(rest);
  StoredTensor stored{.name = fmt::format("{}{}.", layer_prefix(config, spelling), index),
                      .shape = slot.shape};
  const auto dot = part.find('.');
  if (dot == std::string_view::npos) {  // a norm of the layer
    const auto& row = row_of({"", norm_rows(config.family, layer)}, part, slot.name);
    stored.name += fmt::format("{}{}", row.theirs, ending);
    return stored;
  }
  const auto module = part.starts_with("mixer.")
                          ? mixer_module(config.family, layer.mixer, spelling)
                          : feed_forward_module(config.family, layer.feed_forward);
  const auto [ours, expert] = split_expert(part.substr(dot + 1));
  const auto& row = row_of(module, ours, slot.name);
  std::string theirs(row.theirs);
  apply(row.form, stored);
  if (!expert.empty()) {
    if (const auto place = theirs.find("{}"); place != std::string::npos) {
      theirs.replace(place, 2, expert);
    } else {
      stored.index = std::stoll(expert);
      stored.shape.insert(stored.shape.begin(), std::get<MoeSpec>(layer.feed_forward).num_experts);
    }
  }
  stored.name +=
      fmt::format("{}{}{}{}", module.path, module.path.empty() ? "" : ".", theirs, ending);
  return stored;
}

}  // namespace

StoredTensor stored_tensor(const ModelConfig& config, const WeightSlot& slot,
                           const Spelling& spelling) {
  if (spelling.own) return {.name = slot.name, .shape = slot.shape};
  constexpr std::string_view layers = "layers.";
  if (slot.name.starts_with(layers)) {
    const auto rest = std::string_view(slot.name).substr(layers.size());
    const auto dot = rest.find('.');
    return in_layer(config, slot, rest.substr(0, dot), rest.substr(dot + 1), spelling);
  }
  const auto [part, ending] = split_ending(slot.name);
  const auto& row = row_of({"", model_rows(config.family)}, part, slot.name);
  return {.name = fmt::format("{}{}", row.theirs, ending), .shape = slot.shape};
}

at::Tensor part_of(const at::Tensor& whole, const StoredTensor& stored, const WeightSlot& slot) {
  auto part = whole;
  if (stored.index) part = part.select(0, *stored.index);
  if (stored.rows) part = part.narrow(0, stored.rows->begin, stored.rows->count);
  return part.view(slot.shape);
}

std::optional<std::string> mixer_kind_of(const std::vector<std::string>& names_in_layer) {
  for (const auto& marker : markers) {
    const bool there = std::ranges::any_of(names_in_layer, [&](const std::string& name) {
      const auto dot = name.find('.');
      return !is_beside_mixer(name) && dot != std::string::npos &&
             std::string_view(name).substr(dot + 1).starts_with(marker.part);
    });
    if (there) return std::string(marker.kind);
  }
  return std::nullopt;
}

bool is_beside_mixer(std::string_view name_in_layer) {
  const auto module = name_in_layer.substr(0, name_in_layer.find('.'));
  for (const std::string_view known : {"mlp", "feed_forward", "block_sparse_moe", "shared_mlp"}) {
    if (module == known) return true;
  }
  return module.ends_with("norm");
}

std::string_view layer_prefix(const ModelConfig& config, const Spelling& spelling) {
  if (spelling.own) return "layers.";
  const bool backbone = config.family == Family::Mamba2 || config.family == Family::Llamba;
  return backbone ? "backbone.layers." : "model.layers.";
}

bool is_derived_tensor(std::string_view name) { return name.ends_with("rotary_emb.inv_freq"); }

}  // namespace hylo::models
