#include "models/config/catalog_rows.h"

namespace hylo::models {
namespace {

/// The columns in which published Transformers differ.
struct Geometry {
  const char* name;
  const char* source;
  Family family;
  int64_t width, layers, heads, kv_heads, head_width, feed_forward, vocabulary;
  double epsilon, theta;
  int64_t max_positions;
  bool tied;
  RopeScaling scaling;
  std::vector<int32_t> eos;
};

const Llama3Scaling llama3_x32{
    .factor = 32, .low_frequency_factor = 1, .high_frequency_factor = 4, .original_length = 8192};
const Llama3Scaling llama3_x8{
    .factor = 8, .low_frequency_factor = 1, .high_frequency_factor = 4, .original_length = 8192};

std::vector<Geometry> geometries() {
  using enum Family;
  const char* const meta =
      "config.json of meta-llama, listed in Lightning-AI/litgpt litgpt/config.py";
  const char* const qwen = "config.json of Qwen, listed in Lightning-AI/litgpt litgpt/config.py";
  const char* const minitron = "README.md of NVlabs/Minitron: what was pruned from Llama-3.1-8B";
  // One model a line is easier to hold against a paper than what the formatter makes of it.
  // clang-format off
  return {
      // name, source, family, D, L, H, G, K, F, W, epsilon, theta, positions, tied, scaling, eos
      {"llama-3.2-1b", meta, Llama, 2048, 16, 32, 8, 64, 8192, 128256, 1e-5, 5e5, 131072, true, llama3_x32, {128001}},
      {"llama-3.2-3b", meta, Llama, 3072, 28, 24, 8, 128, 8192, 128256, 1e-5, 5e5, 131072, true, llama3_x32, {128001}},
      {"llama-3.1-8b", meta, Llama, 4096, 32, 32, 8, 128, 14336, 128256, 1e-5, 5e5, 131072, false, llama3_x8, {128001}},
      {"llama-3.1-minitron-4b-width", minitron, Llama, 3072, 32, 32, 8, 128, 9216, 128256, 1e-5, 5e5, 131072, false, llama3_x8, {128001}},
      {"llama-3.1-minitron-4b-depth", minitron, Llama, 4096, 16, 32, 8, 128, 14336, 128256, 1e-5, 5e5, 131072, false, llama3_x8, {128001}},
      {"qwen2.5-1.5b", qwen, Qwen2, 1536, 28, 12, 2, 128, 8960, 151936, 1e-6, 1e6, 131072, true, {}, {151643}},
      {"qwen2.5-3b", qwen, Qwen2, 2048, 36, 16, 2, 128, 11008, 151936, 1e-6, 1e6, 32768, true, {}, {151643}},
      {"qwen3-1.7b", qwen, Qwen3, 2048, 28, 16, 8, 128, 6144, 151936, 1e-6, 1e6, 40960, true, {}, {151645}},
      {"qwen3-4b", qwen, Qwen3, 2560, 36, 32, 8, 128, 9728, 151936, 1e-6, 1e6, 40960, true, {}, {151645}},
      {"qwen3-8b", qwen, Qwen3, 4096, 36, 32, 8, 128, 12288, 151936, 1e-6, 1e6, 40960, false, {}, {151645}},
  };
  // clang-format on
}

CatalogEntry entry_of(const Geometry& g) {
  const AttentionSpec attention{
      .num_heads = g.heads,
      .num_kv_heads = g.kv_heads,
      .head_width = g.head_width,
      .input_bias = g.family == Family::Qwen2,
      .head_norms = g.family == Family::Qwen3 ? HeadNorms::PerHead : HeadNorms::None,
      .rope = {.theta = g.theta, .width = g.head_width, .scaling = g.scaling}};
  const LayerSpec layer{attention, SwiGluSpec{.width = g.feed_forward}};
  ModelConfig config{.family = g.family,
                     .vocabulary_size = g.vocabulary,
                     .width = g.width,
                     .layers = std::vector<LayerSpec>(g.layers, layer),
                     .norm = {.epsilon = g.epsilon},
                     .tied_head = g.tied,
                     .max_positions = g.max_positions,
                     .stored = NumberType::BFloat16,
                     .eos = g.eos};
  return {g.name, g.source, std::move(config)};
}

}  // namespace

std::vector<CatalogEntry> transformer_entries() {
  std::vector<CatalogEntry> entries;
  for (const auto& geometry : geometries()) entries.push_back(entry_of(geometry));
  return entries;
}

}  // namespace hylo::models
