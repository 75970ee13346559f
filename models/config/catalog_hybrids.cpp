// Upcycled hybrids and those that they are compared with. Sources are named per row; [inferred]
// marks what follows from published totals and is stated nowhere.
#include <cmath>

#include "models/config/catalog_rows.h"
#include "models/config/placement.h"

namespace hylo::models {
namespace {

using Layers = std::vector<int64_t>;

/// Latent attention of the Zebra-Llama form: ranks, widths, and YaRN over an original length.
struct Latent {
  int64_t query_rank, latent_rank, nope, rope, value;
};
constexpr Latent latent_1b{1344, 128, 32, 32, 64};
constexpr Latent latent_3b{1536, 128, 64, 64, 128};
constexpr Latent latent_8b{2048, 160, 64, 64, 128};
constexpr Latent latent_qwen{1344, 256, 64, 64, 128};

MlaSpec mla(const Latent& l, const AttentionSpec& replaced, const YarnScaling& yarn) {
  MlaSpec spec{.num_heads = replaced.num_heads,
               .num_kv_heads = replaced.num_kv_heads,
               .latent_rank = l.latent_rank,
               .query_rank = l.query_rank,
               .nope_width = l.nope,
               .rope_width = l.rope,
               .value_width = l.value,
               .head_norms = replaced.head_norms == HeadNorms::PerHead,
               .rope = {.theta = replaced.rope.theta, .width = l.rope, .scaling = yarn}};
  spec.scale = spec.plain_scale();
  return spec;
}

const AttentionSpec& attention_of(const ModelConfig& config) {
  return std::get<AttentionSpec>(config.layers.at(0).mixer);
}

enum class Linear { Delta, Mamba };

MixerSpec linear_of(Linear linear, const ModelConfig& teacher) {
  if (linear == Linear::Delta) return gated_delta_for_width(teacher.width);
  return mamba2_in_place_of(attention_of(teacher));
}

struct HyloRow {
  const char* name;
  const char* teacher;
  Latent latent;
  Layers mla_layers;
  Linear linear;
};

const Layers llama_1b_4{1, 5, 10, 14}, llama_3b_6{0, 5, 10, 16, 21, 26},
    qwen_7{1, 5, 9, 13, 17, 21, 25};

// clang-format off
std::vector<HyloRow> hylo_rows() {
  using enum Linear;
  return {
      {"hylo-llama-4mla12gdn", "llama-3.2-1b", latent_1b, llama_1b_4, Delta},
      {"hylo-llama-8mla8gdn", "llama-3.2-1b", latent_1b, even_layers(16), Delta},
      {"hylo-llama-6mla22gdn", "llama-3.2-3b", latent_3b, llama_3b_6, Delta},
      {"hylo-llama-14mla14gdn", "llama-3.2-3b", latent_3b, even_layers(28), Delta},
      {"hylo-qwen-7mla21gdn", "qwen3-1.7b", latent_qwen, qwen_7, Delta},
      {"hylo-qwen-14mla14gdn", "qwen3-1.7b", latent_qwen, even_layers(28), Delta},
      {"hylo-qwen-14mla14m2", "qwen3-1.7b", latent_qwen, even_layers(28), Mamba},
      // In the paper's tables only, no files were released.
      {"hylo-llama-4mla12m2", "llama-3.2-1b", latent_1b, llama_1b_4, Mamba},
      {"hylo-llama-8mla8m2", "llama-3.2-1b", latent_1b, even_layers(16), Mamba},
      {"hylo-llama-6mla22m2", "llama-3.2-3b", latent_3b, llama_3b_6, Mamba},
      {"hylo-llama-14mla14m2", "llama-3.2-3b", latent_3b, even_layers(28), Mamba},
      {"hylo-qwen-7mla21m2", "qwen3-1.7b", latent_qwen, qwen_7, Mamba},
  };
}

struct ZebraRow {
  const char* name;
  const char* teacher;
  Latent latent;
  Layers mla_layers;
  double yarn_factor;
};

std::vector<ZebraRow> zebra_rows() {
  return {
      {"zebra-llama-1b-4mla12m2", "llama-3.2-1b", latent_1b, {0, 5, 10, 14}, 32},
      {"zebra-llama-1b-6mla10m2", "llama-3.2-1b", latent_1b, {0, 2, 5, 8, 11, 14}, 32},
      {"zebra-llama-1b-8mla8m2", "llama-3.2-1b", latent_1b, even_layers(16), 32},
      {"zebra-llama-3b-6mla22m2", "llama-3.2-3b", latent_3b, llama_3b_6, 32},
      {"zebra-llama-3b-8mla20m2", "llama-3.2-3b", latent_3b, {0, 3, 7, 10, 14, 18, 22, 26}, 32},
      {"zebra-llama-3b-14mla14m2", "llama-3.2-3b", latent_3b, even_layers(28), 32},
      {"zebra-llama-8b-8mla24m2", "llama-3.1-8b", latent_8b, {0, 4, 8, 12, 16, 20, 25, 30}, 8},
      {"zebra-llama-8b-16mla16m2", "llama-3.1-8b", latent_8b, even_layers(32), 8},
  };
}

struct EcoRow {
  const char* name;
  const char* teacher;
  Latent latent;
};

std::vector<EcoRow> x_ecomla_rows() {
  return {
      {"x-ecomla-1b-r128", "llama-3.2-1b", {1344, 128, 32, 32, 64}},
      {"x-ecomla-1b-r64", "llama-3.2-1b", {1424, 64, 32, 32, 64}},
      {"x-ecomla-1b-r48", "llama-3.2-1b", {1440, 48, 32, 32, 64}},
      {"x-ecomla-3b-r96", "llama-3.2-3b", {2048, 96, 64, 64, 128}},
  };
}

/// Attention stays in every n-th layer, the last of each n.
struct MambaInLlamaRow {
  const char* name;
  const char* teacher;
  int64_t keep_every;
};

std::vector<MambaInLlamaRow> mamba_in_llama_rows() {
  return {
      {"mamba-in-llama-1b-50", "llama-3.2-1b", 2},
      {"mamba-in-llama-3b-50", "llama-3.2-3b", 2},
      {"mamba-in-llama-8b-50", "llama-3.1-8b", 2},
      {"mamba-in-llama-8b-25", "llama-3.1-8b", 4},
  };
}

struct LlambaRow {
  const char* name;
  const char* teacher;
  const char* source;
  int64_t width, layers, feed_forward;
  bool tied;
};

std::vector<LlambaRow> llamba_rows() {
  const char* const inferred =
      "arXiv 2502.14458 with heads and state of Llamba-3B [inferred]";
  return {
      // name, teacher, source, D, L, F, tied
      {"llamba-1b", "llama-3.2-1b", inferred, 2048, 16, 8192, true},
      {"llamba-3b", "llama-3.2-3b", "config.json of cartesia-ai/Llamba-3B", 3072, 28, 8192, true},
      {"llamba-8b", "llama-3.1-8b", inferred, 4096, 32, 14336, false},
  };
}

struct JetRow {
  const char* name;
  const char* teacher;
  int64_t heads, key_width;
  Layers full, windowed;
  int64_t window, max_positions;
};

std::vector<JetRow> jet_rows() {
  return {
      {"jet-nemotron-2b", "qwen2.5-1.5b", 12, 96, {14, 19}, {20, 21}, 1152, 131072},
      {"jet-nemotron-4b", "qwen2.5-3b", 16, 128, {17, 20, 32}, {5, 16, 19, 21, 22, 25, 27}, 2048, 32768},
  };
}
// clang-format on

/// The files of one layout differ in YaRN alone: those for 64K tokens have the plain name, those
/// for 8K the suffix -8k.
CatalogEntry hylo_entry(const HyloRow& row, const ModelConfig& teacher, bool long_context) {
  const bool qwen = teacher.family == Family::Qwen3;
  const YarnScaling yarn =
      qwen ? YarnScaling{.factor = long_context ? 2.0 : 1.0, .original_length = 32768}
           : YarnScaling{.factor = long_context ? 32.0 : 4.0, .original_length = 2048};
  auto config =
      place(teacher, {.entries = {{row.mla_layers, mla(row.latent, attention_of(teacher), yarn)}},
                      .rest = linear_of(row.linear, teacher)});
  config.tied_head = false;
  config.stored = NumberType::Float32;
  config.max_positions = std::llround(yarn.factor * static_cast<double>(yarn.original_length));
  return {row.name + std::string(long_context ? "" : "-8k"),
          qwen ? "arXiv 2604.24715 and model cards of amd/HyLo; norms of MLA's heads [inferred]"
               : "arXiv 2604.24715 and model cards of amd/HyLo",
          std::move(config), row.teacher};
}

CatalogEntry zebra_entry(const ZebraRow& row, const ModelConfig& teacher) {
  const YarnScaling yarn{.factor = row.yarn_factor, .original_length = 8192};
  return {
      row.name, "AMD-AGI/AMD-Hybrid-Models, Zebra-Llama/configs",
      place(teacher, {.entries = {{row.mla_layers, mla(row.latent, attention_of(teacher), yarn)}},
                      .rest = linear_of(Linear::Mamba, teacher)}),
      row.teacher};
}

CatalogEntry x_ecomla_entry(const EcoRow& row, const ModelConfig& teacher) {
  const YarnScaling yarn{
      .factor = 32, .original_length = 4096, .mscale = 1.0, .mscale_all_dim = 0.0};
  auto latent = mla(row.latent, attention_of(teacher), yarn);
  latent.num_kv_heads = latent.num_heads;
  return {row.name, "AMD-AGI/AMD-Hybrid-Models, X-EcoMLA/configs",
          place(teacher, {.entries = {}, .rest = latent, .family = Family::XEcoMla}), row.teacher};
}

CatalogEntry mamba_in_llama_entry(const MambaInLlamaRow& row, const ModelConfig& teacher) {
  Layers replaced;
  for (int64_t i = 0; i < std::ssize(teacher.layers); ++i) {
    if (i % row.keep_every != row.keep_every - 1) replaced.push_back(i);
  }
  return {row.name, "arXiv 2408.15237; tying as in the teacher [inferred]",
          place(teacher, {.entries = {{replaced, linear_of(Linear::Mamba, teacher)}},
                          .rest = {},
                          .family = Family::MambaInLlama}),
          row.teacher};
}

CatalogEntry llamba_entry(const LlambaRow& row) {
  constexpr int64_t heads = 32, state = 64;
  const DiscreteMamba2Spec mixer{.num_heads = heads,
                                 .num_key_heads = heads,
                                 .key_width = state,
                                 .value_width = row.width / heads};
  return {row.name, row.source,
          ModelConfig{.family = Family::Llamba,
                      .backbone = {},
                      .vocabulary_size = 128256,
                      .width = row.width,
                      .layers = std::vector<LayerSpec>(
                          row.layers, {mixer, SwiGluSpec{.width = row.feed_forward}}),
                      .norm = {.epsilon = 1e-5},
                      .final_norm_epsilon = {},
                      .tied_head = row.tied,
                      .stored = NumberType::Float32,
                      .bos = {},
                      .eos = {128001},
                      .pad = {}},
          row.teacher};
}

CatalogEntry jet_entry(const JetRow& row, const ModelConfig& teacher) {
  const JetBlockSpec jet{.num_heads = row.heads,
                         .key_width = row.key_width,
                         .value_width = 256,
                         .generator_width = row.heads * 256 / 8};
  auto windowed = attention_of(teacher);
  windowed.window = row.window;
  auto config =
      place(teacher, {.entries = {{row.full, attention_of(teacher)}, {row.windowed, windowed}},
                      .rest = jet,
                      .family = Family::JetNemotron});
  config.backbone.reset();
  config.norm.rounded_once = true;
  config.max_positions = row.max_positions;
  return {row.name, "NVlabs/Jet-Nemotron, jetai/modeling/configs", std::move(config), row.teacher};
}

}  // namespace

std::vector<CatalogEntry> hybrid_entries(const std::vector<CatalogEntry>& teachers) {
  std::vector<CatalogEntry> entries;
  const auto teacher = [&](const char* name) -> const ModelConfig& {
    return find_entry(teachers, name).config;
  };
  for (const auto& row : hylo_rows()) {
    for (const bool long_context : {true, false}) {
      entries.push_back(hylo_entry(row, teacher(row.teacher), long_context));
    }
  }
  for (const auto& row : zebra_rows()) entries.push_back(zebra_entry(row, teacher(row.teacher)));
  for (const auto& row : x_ecomla_rows()) {
    entries.push_back(x_ecomla_entry(row, teacher(row.teacher)));
  }
  for (const auto& row : mamba_in_llama_rows()) {
    entries.push_back(mamba_in_llama_entry(row, teacher(row.teacher)));
  }
  for (const auto& row : jet_rows()) entries.push_back(jet_entry(row, teacher(row.teacher)));
  for (const auto& row : llamba_rows()) entries.push_back(llamba_entry(row));
  return entries;
}

}  // namespace hylo::models
