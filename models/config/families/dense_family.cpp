// Source: huggingface/transformers, src/transformers/models/{llama,mistral,qwen2,qwen3}.
#include "models/config/families/attention_keys.h"
#include "models/config/families/base_fields.h"
#include "models/config/families/families.h"

namespace hylo::models {
namespace {

int64_t default_positions(Family family) {
  if (family == Family::Llama) return 2048;
  return family == Family::Mistral ? 131072 : 32768;
}

/// Windows per layer: layer_types where given, else the rule of the family.
std::vector<std::optional<int64_t>> windows_of(JsonReader& reader, Family family,
                                               int64_t num_layers) {
  std::vector<std::optional<int64_t>> windows(num_layers);
  const auto window = read_window(reader);
  if (reader.has("layer_types")) {
    const auto types =
        layer_words(reader, "layer_types", num_layers, {"full_attention", "sliding_attention"});
    for (int64_t i = 0; i < num_layers; ++i) {
      if (types[i] == "full_attention") continue;
      require(window.has_value(), "{}[{}]: sliding_attention needs sliding_window",
              reader.path_of("layer_types"), i);
      windows[i] = window;
    }
    return windows;
  }
  if (family == Family::Mistral) {
    windows.assign(num_layers, window);
  } else if (family != Family::Llama && reader.get_or<bool>("use_sliding_window", false)) {
    const auto first = reader.get_or<int64_t>("max_window_layers", 28);
    require(first >= 0, "{}: expected 0 or more, found {}", reader.path_of("max_window_layers"),
            first);
    for (int64_t i = first; i < num_layers; ++i) windows[i] = window;
  }
  return windows;
}

}  // namespace

ModelConfig read_dense(JsonReader& reader, Family family) {
  auto config = read_base_fields(reader, family, default_positions(family));
  auto attention = read_attention(
      reader, config.width,
      {.num_kv_heads = {}, .head_width = {}, .rope = {.max_positions = config.max_positions}});
  if (family == Family::Qwen2) {
    attention.input_bias = true;
    attention.output_bias = false;
  }
  if (family == Family::Qwen3) attention.head_norms = HeadNorms::PerHead;
  const SwiGluSpec feed_forward{.width = positive<int64_t>(reader, "intermediate_size"),
                                .bias = reader.get_or<bool>("mlp_bias", false)};
  for (const auto& window : windows_of(reader, family, read_num_layers(reader))) {
    attention.window = window;
    config.layers.push_back({attention, feed_forward});
  }
  return config;
}

}  // namespace hylo::models
