#include "models/config/families/base_fields.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <set>

namespace hylo::models {
namespace {

/// More than any model has; a list of layers is made from this number before any tensor is seen.
constexpr int64_t max_layers = 100000;

const Json& list_at(JsonReader& reader, std::string_view key) {
  const auto& list = reader.at(key);
  require(list.is_array(), "{}: expected a list, found {}", reader.path_of(key), list.dump());
  return list;
}

}  // namespace

std::string_view first_given(const JsonReader& reader,
                             std::initializer_list<std::string_view> keys) {
  const auto* found =
      std::ranges::find_if(keys, [&](std::string_view key) { return reader.has(key); });
  return found == keys.end() ? *keys.begin() : *found;
}

void expect_one_of(const JsonReader& reader, std::string_view key, std::string_view found,
                   const std::vector<std::string>& known) {
  require(std::ranges::find(known, found) != known.end(), "{}: '{}' is not known; known are {}",
          reader.path_of(key), found, fmt::join(known, ", "));
}

void expect_only(JsonReader& reader, std::string_view key, const Json& understood) {
  reader.ignore(key);
  if (!reader.has(key)) return;
  const auto text = [](const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
  };
  const auto& found = reader.at(key);
  require(found == understood, "{}: '{}' is not known; expected {}", reader.path_of(key),
          text(found), text(understood));
}

void expect_divides(const std::string& where, std::string_view whole_key, int64_t whole,
                    std::string_view part_key, int64_t part) {
  require(part > 0 && whole % part == 0, "{}: {} {} is not a multiple of {} {}", where, whole_key,
          whole, part_key, part);
}

std::vector<int32_t> token_ids(JsonReader& reader, std::string_view key) {
  if (!reader.has(key)) return {};
  const auto& value = reader.at(key);
  if (value.is_array()) return reader.get<std::vector<int32_t>>(key);
  return {reader.get<int32_t>(key)};
}

std::vector<int64_t> layer_indices(JsonReader& reader, std::string_view key, int64_t num_layers,
                                   int64_t first) {
  reader.ignore(key);
  if (!reader.has(key)) return {};
  std::vector<int64_t> indices;
  std::set<int64_t> seen;
  for (const auto& value : list_at(reader, key)) {
    const auto path = fmt::format("{}[{}]", reader.path_of(key), indices.size());
    require(is_exactly<int64_t>(value), "{}: expected the index of a layer, found {}", path,
            value.dump());
    const auto layer = value.get<int64_t>();
    require(layer >= first && layer < num_layers + first,
            "{}: layer {} is outside of the model, whose {} layers are {} to {}", path, layer,
            num_layers, first, num_layers + first - 1);
    require(seen.insert(layer).second, "{}: layer {} is named twice", path, layer);
    indices.push_back(layer - first);
  }
  return indices;
}

std::vector<std::string> layer_words(JsonReader& reader, std::string_view key, int64_t num_layers,
                                     const std::vector<std::string>& known) {
  auto words = reader.get<std::vector<std::string>>(key);
  require(std::ssize(words) == num_layers, "{}: {} entries for {} layers", reader.path_of(key),
          words.size(), num_layers);
  for (size_t i = 0; i < words.size(); ++i) {
    require(std::ranges::find(known, words[i]) != known.end(),
            "{}[{}]: unknown layer type '{}'; known here are {}", reader.path_of(key), i, words[i],
            fmt::join(known, ", "));
  }
  return words;
}

int64_t read_num_layers(JsonReader& reader, std::string_view key) {
  const auto num_layers = positive<int64_t>(reader, key);
  require(num_layers <= max_layers, "{}: {} layers", reader.path_of(key), num_layers);
  return num_layers;
}

double read_epsilon(JsonReader& reader, std::string_view key, double otherwise) {
  const auto epsilon = reader.get_or<double>(key, otherwise);
  require(epsilon >= 0, "{}: expected 0 or more, found {}", reader.path_of(key), epsilon);
  return epsilon;
}

double number_or_infinity(const Json& value, const std::string& path) {
  if (value.is_number()) return value.get<double>();
  const auto& word = value.is_object() && value.size() == 1 && value.contains("__float__")
                         ? value.at("__float__")
                         : value;
  require(word == "Infinity" || word == "inf", "{}: expected a number or Infinity, found {}", path,
          value.dump());
  return std::numeric_limits<double>::infinity();
}

void read_type_and_tokens(JsonReader& reader, ModelConfig& config) {
  const auto type =
      reader.get_or<std::string>("dtype", reader.get_or<std::string>("torch_dtype", "float32"));
  const auto stored = type_named(type);
  require(stored.has_value(), "{}: unknown type '{}'", reader.path_of("dtype"), type);
  config.stored = *stored;
  config.bos = given<int32_t>(reader, "bos_token_id");
  config.eos = token_ids(reader, "eos_token_id");
  config.pad = given<int32_t>(reader, "pad_token_id");
}

void refuse_quantised(const JsonReader& reader) {
  require(!reader.has("quantization_config"),
          "{}: quantised checkpoints are not read; use the float version",
          reader.path_of("quantization_config"));
}

ModelConfig read_base_fields(JsonReader& reader, Family family, int64_t default_positions,
                             double default_epsilon) {
  expect_only(reader, "hidden_act", "silu");
  refuse_quantised(reader);
  ModelConfig config;
  config.family = family;
  config.vocabulary_size = positive<int64_t>(reader, "vocab_size");
  config.width = positive<int64_t>(reader, "hidden_size");
  config.norm.epsilon = read_epsilon(reader, "rms_norm_eps", default_epsilon);
  config.tied_head = reader.get_or<bool>("tie_word_embeddings", false);
  config.max_positions = default_positions;
  if (reader.has("max_position_embeddings")) {
    config.max_positions = positive<int64_t>(reader, "max_position_embeddings");
  }
  read_type_and_tokens(reader, config);
  return config;
}

}  // namespace hylo::models
