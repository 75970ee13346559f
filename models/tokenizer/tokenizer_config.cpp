#include "models/tokenizer/tokenizer_config.h"

#include <algorithm>
#include <charconv>

#include "harness/base/error.h"
#include "harness/base/json.h"
#include "models/tokenizer/vocabulary.h"

namespace hylo::models {
namespace {

/// A name is a string, or an object with its content.
std::optional<std::string> name_of(const Json& json, const char* key, const std::string& where) {
  const auto value = json.find(key);
  if (value == json.end() || value->is_null()) return std::nullopt;
  if (value->is_object()) return JsonReader(*value, where + ": " + key).get<std::string>("content");
  require(value->is_string(), "{}: {}: expected a token's text, found {}", where, key,
          value->dump());
  return value->get<std::string>();
}

std::optional<bool> flag_of(const Json& json, const char* key, const std::string& where) {
  const auto value = json.find(key);
  if (value == json.end() || value->is_null()) return std::nullopt;
  require(value->is_boolean(), "{}: {}: expected true or false, found {}", where, key,
          value->dump());
  return value->get<bool>();
}

AddedToken added_token_of(const std::string& id_text, const Json& json, const std::string& where) {
  int64_t id = -1;
  const auto [end, error] = std::from_chars(id_text.data(), id_text.data() + id_text.size(), id);
  const bool is_number = error == std::errc() && end == id_text.data() + id_text.size();
  require(is_number && id >= 0 && id <= Vocabulary::max_id,
          "{}: added_tokens_decoder: '{}' is no token id", where, id_text);
  JsonReader reader(json, where + ": added_tokens_decoder." + id_text);
  AddedToken token{.id = static_cast<int32_t>(id),
                   .content = reader.get<std::string>("content"),
                   .special = reader.get_or("special", false),
                   .lstrip = reader.get_or("lstrip", false),
                   .rstrip = reader.get_or("rstrip", false),
                   .single_word = reader.get_or("single_word", false),
                   .normalized = reader.get_or("normalized", false)};
  require(!token.content.empty(), "{}: the content is empty", reader.path_of("content"));
  return token;
}

void read_names(const Json& json, const std::string& where, TokenizerConfig& config) {
  const auto fill = [&](std::optional<std::string>& name, const char* key) {
    if (!name) name = name_of(json, key, where);
  };
  fill(config.bos, "bos_token");
  fill(config.eos, "eos_token");
  fill(config.pad, "pad_token");
  fill(config.unknown, "unk_token");
  const auto more = json.find("additional_special_tokens");
  if (more == json.end() || !more->is_array()) return;
  for (const auto& token : *more) {
    if (token.is_string()) config.more_special.push_back(token.get<std::string>());
    if (token.is_object()) config.more_special.push_back(*name_of(token, "content", where));
  }
}

void read_config(const std::filesystem::path& file, TokenizerConfig& config) {
  const Json json = read_json_file(file);
  const std::string where = file.string();
  require(json.is_object(), "{}: expected a JSON object", where);
  config.is_there = true;
  read_names(json, where, config);
  config.tokenizer_class = name_of(json, "tokenizer_class", where);
  config.adds_bos = flag_of(json, "add_bos_token", where);
  config.adds_eos = flag_of(json, "add_eos_token", where);
  config.add_prefix_space = flag_of(json, "add_prefix_space", where).value_or(false);
  const auto tokens = json.find("added_tokens_decoder");
  if (tokens == json.end() || tokens->is_null()) return;
  require(tokens->is_object(), "{}: added_tokens_decoder: expected an object of id to token",
          where);
  for (const auto& [id, token] : tokens->items()) {
    config.added_tokens.push_back(added_token_of(id, token, where));
  }
}

}  // namespace

bool TokenizerConfig::names(const std::string& token) const {
  return token == bos || token == eos || token == pad || token == unknown ||
         std::find(more_special.begin(), more_special.end(), token) != more_special.end();
}

TokenizerConfig read_tokenizer_config(const std::filesystem::path& folder) {
  TokenizerConfig config;
  const auto config_file = folder / "tokenizer_config.json";
  const auto names_file = folder / "special_tokens_map.json";
  if (std::filesystem::exists(config_file)) read_config(config_file, config);
  if (std::filesystem::exists(names_file)) {
    const Json names = read_json_file(names_file);
    require(names.is_object(), "{}: expected a JSON object", names_file.string());
    read_names(names, names_file.string(), config);
  }
  return config;
}

void add_tokens(std::vector<AddedToken>& tokens, const std::vector<AddedToken>& more,
                const std::string& where) {
  for (const auto& token : more) {
    const auto same_id = std::find_if(tokens.begin(), tokens.end(),
                                      [&](const AddedToken& old) { return old.id == token.id; });
    if (same_id == tokens.end()) {
      tokens.push_back(token);
    } else {
      require(same_id->content == token.content, "{}: id {} stands for '{}' and for '{}'", where,
              token.id, same_id->content, token.content);
    }
  }
}

void name_special_tokens(const TokenizerConfig& config,
                         const std::function<std::optional<int32_t>(const std::string&)>& id_of,
                         TokenizerInfo& info) {
  const auto find = [&](const std::optional<std::string>& name, const char* role) {
    const auto id = name ? id_of(*name) : std::nullopt;
    if (name && !id) {
      info.notes.push_back(fmt::format("{} '{}' is not in the vocabulary", role, *name));
    }
    return id;
  };
  info.bos = find(config.bos, "bos_token");
  info.eos = find(config.eos, "eos_token");
  info.pad = find(config.pad, "pad_token");
  info.unknown = find(config.unknown, "unk_token");
}

}  // namespace hylo::models
