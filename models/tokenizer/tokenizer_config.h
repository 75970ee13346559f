// What lies beside a tokenizer in a checkpoint folder: names and habits.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "models/tokenizer/added_tokens.h"
#include "models/tokenizer/tokenizer.h"

namespace hylo::models {

/// tokenizer_config.json, and special_tokens_map.json for the names that the former does not give.
struct TokenizerConfig {
  bool is_there = false;  ///< the folder has a tokenizer_config.json
  std::optional<std::string> tokenizer_class;
  std::optional<std::string> bos, eos, pad, unknown;
  std::vector<std::string> more_special;  ///< additional_special_tokens
  std::optional<bool> adds_bos, adds_eos;
  bool add_prefix_space = false;
  std::vector<AddedToken> added_tokens;  ///< added_tokens_decoder

  /// Whether the text is the name of a special token.
  [[nodiscard]] bool names(const std::string& token) const;
};

/// Throws Error when a file is there but damaged. Keys that say nothing about ids are passed over.
TokenizerConfig read_tokenizer_config(const std::filesystem::path& folder);

/// Adds `more` to `tokens`. Throws Error, opened by `where`, when an id stands for two texts.
void add_tokens(std::vector<AddedToken>& tokens, const std::vector<AddedToken>& more,
                const std::string& where);

/// Fills bos, eos, pad and unknown of `info` by the names of `config`; a name that `id_of` does not
/// know becomes a note.
void name_special_tokens(const TokenizerConfig& config,
                         const std::function<std::optional<int32_t>(const std::string&)>& id_of,
                         TokenizerInfo& info);

}  // namespace hylo::models
