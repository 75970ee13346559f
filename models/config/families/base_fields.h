// What config.json files of all families have in common, and how their values are checked.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/json.h"
#include "models/config/model_config.h"

namespace hylo::models {

/// The value of a key that is there and not null.
template <class T>
std::optional<T> given(JsonReader& reader, std::string_view key) {
  if (reader.has(key)) return reader.get<T>(key);
  reader.ignore(key);  // It may be null.
  return std::nullopt;
}

template <class T>
T above_zero(const JsonReader& reader, std::string_view key, T value) {
  require(value > 0, "{}: expected a number above 0, found {}", reader.path_of(key), value);
  return value;
}
template <class T>
T positive(JsonReader& reader, std::string_view key) {
  return above_zero(reader, key, reader.get<T>(key));
}
template <class T>
T positive_or(JsonReader& reader, std::string_view key, T otherwise) {
  return above_zero(reader, key, reader.get_or<T>(key, otherwise));
}

/// The first of `keys` that is given: dialects name one thing differently.
std::string_view first_given(const JsonReader& reader,
                             std::initializer_list<std::string_view> keys);

/// Throws Error, with the values that are known, unless `found` is one of them.
void expect_one_of(const JsonReader& reader, std::string_view key, std::string_view found,
                   const std::vector<std::string>& known);
/// Refuses a key whose value is not the only one that is understood; an absent key is fine.
void expect_only(JsonReader& reader, std::string_view key, const Json& understood);

/// Throws Error naming both keys unless `part` divides `whole`.
void expect_divides(const std::string& where, std::string_view whole_key, int64_t whole,
                    std::string_view part_key, int64_t part);

/// One token or a list of them; empty where the key is not given.
std::vector<int32_t> token_ids(JsonReader& reader, std::string_view key);

/// Whole numbers, each from 0 to less than `num_layers`, none twice. Those of `first` 1 count from
/// 1 and are given back counted from 0. Empty where the key is not given.
std::vector<int64_t> layer_indices(JsonReader& reader, std::string_view key, int64_t num_layers,
                                   int64_t first = 0);

/// One word a layer, each of `known`.
std::vector<std::string> layer_words(JsonReader& reader, std::string_view key, int64_t num_layers,
                                     const std::vector<std::string>& known);

int64_t read_num_layers(JsonReader& reader, std::string_view key = "num_hidden_layers");
double read_epsilon(JsonReader& reader, std::string_view key, double otherwise);

/// A number, or Infinity in one of the forms in which Python writes it.
double number_or_infinity(const Json& value, const std::string& path);

/// dtype or torch_dtype, and the special tokens.
void read_type_and_tokens(JsonReader& reader, ModelConfig& config);
void refuse_quantised(const JsonReader& reader);

/// Vocabulary, width, norm, tying, context, declared type and special tokens, under the names that
/// transformers gives them; refuses quantised checkpoints and activations other than silu.
/// A default of 0 positions means that the family declares no context.
ModelConfig read_base_fields(JsonReader& reader, Family family, int64_t default_positions,
                             double default_epsilon = 1e-6);

}  // namespace hylo::models
