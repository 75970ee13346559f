// Source: NVlabs/Jet-Nemotron, jetai/modeling/configs/*.json and
// jetai/modeling/hf/{modeling_jet_nemotron,jet_block,dynamic_conv}.py.
#include "models/config/families/attention_keys.h"
#include "models/config/families/base_fields.h"
#include "models/config/families/families.h"

namespace hylo::models {
namespace {

/// Published files write the norm's epsilon as a string.
double number_or_text(JsonReader& reader, std::string_view key, double otherwise) {
  if (!reader.has(key)) return otherwise;
  if (!reader.at(key).is_string()) return reader.get<double>(key);
  const auto text = reader.get<std::string>(key);
  size_t end = 0;
  double value = 0;
  try {
    value = std::stod(text, &end);
  } catch (const std::exception&) {
    end = 0;  // Told below.
  }
  require(end == text.size() && !text.empty(), "{}: expected a number, found '{}'",
          reader.path_of(key), text);
  return value;
}

JetBlockSpec read_jet(const Json& json, const std::string& path) {
  JsonReader reader(json, path);
  JetBlockSpec spec{.num_heads = positive<int64_t>(reader, "num_heads"),
                    .key_width = positive<int64_t>(reader, "head_dim"),
                    .conv_width = positive_or<int64_t>(reader, "conv_size", 4),
                    .norm_epsilon = number_or_text(reader, "norm_eps", 1e-5)};
  // Cut off as the published code does: 96 * 2.6666666667 is 256.
  spec.value_width = static_cast<int64_t>(static_cast<double>(spec.key_width) *
                                          positive_or<double>(reader, "expand_v", 2.0));
  const auto values = spec.num_heads * spec.value_width;
  const auto reduction = positive_or<int64_t>(reader, "dconv_generator_reduction", 8);
  expect_divides(path, "num_heads * int(head_dim * expand_v)", values, "dconv_generator_reduction",
                 reduction);
  spec.generator_width = values / reduction;
  for (const auto* unused : {"mode", "dconv_implementation"}) reader.ignore(unused);
  reader.done();
  return spec;
}

int64_t read_swa_window(const Json& json, const std::string& path) {
  JsonReader reader(json, path);
  const auto window = positive<int64_t>(reader, "window_size");
  reader.done();
  return window;
}

}  // namespace

ModelConfig read_jet_nemotron(JsonReader& reader, Family family) {
  auto config = read_base_fields(reader, family, 32768);
  config.norm.rounded_once = true;
  auto attention = read_attention(
      reader, config.width,
      {.num_kv_heads = {}, .head_width = {}, .rope = {.max_positions = config.max_positions}});
  attention.input_bias = true;
  attention.output_bias = false;
  expect_only(reader, "use_mrope", false);
  const SwiGluSpec feed_forward{.width = positive<int64_t>(reader, "intermediate_size")};
  JsonReader kinds(reader.at("efficient_attention_config"),
                   reader.path_of("efficient_attention_config"));
  for (const auto& word :
       layer_words(reader, "layer_types", read_num_layers(reader), {"jet", "attn", "swa"})) {
    LayerSpec layer{attention, feed_forward};
    if (word == "jet") layer.mixer = read_jet(kinds.at("jet"), kinds.path_of("jet"));
    if (word == "swa") {
      auto windowed = attention;
      windowed.window = read_swa_window(kinds.at("swa"), kinds.path_of("swa"));
      layer.mixer = windowed;
    }
    config.layers.push_back(layer);
  }
  for (const auto* described : {"jet", "swa"}) kinds.ignore(described);
  kinds.done();
  return config;
}

}  // namespace hylo::models
