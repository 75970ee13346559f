#include "models/tokenizer/vocab_and_merges.h"

#include <array>

#include "harness/base/error.h"
#include "harness/base/files.h"
#include "models/tokenizer/pattern_scanner.h"
#include "models/tokenizer/vocabulary_json.h"

namespace hylo::models {
namespace {

constexpr const char* end_of_text = "<|endoftext|>";

struct Family {
  std::string_view tokenizer_class;
  KnownPattern pattern;
  bool composes;  // NFC
};
constexpr std::array families{
    Family{"GPT2Tokenizer", KnownPattern::Gpt2, false},
    Family{"GPT2TokenizerFast", KnownPattern::Gpt2, false},
    Family{"Qwen2Tokenizer", KnownPattern::Qwen2, true},
    Family{"Qwen2TokenizerFast", KnownPattern::Qwen2, true},
};

Family family_of(const TokenizerConfig& config, const std::filesystem::path& folder) {
  if (!config.tokenizer_class) return families.front();
  for (const auto& family : families) {
    if (family.tokenizer_class == *config.tokenizer_class) return family;
  }
  fail(
      "{}: tokenizer_class '{}' with vocab.json and merges.txt is not known (known: GPT2Tokenizer, "
      "Qwen2Tokenizer); provide a tokenizer.json",
      (folder / "tokenizer_config.json").string(), *config.tokenizer_class);
}

std::vector<std::pair<std::string, std::string>> read_merges(const std::filesystem::path& file) {
  const std::string text = read_text_file(file);
  std::vector<std::pair<std::string, std::string>> merges;
  size_t number = 0;
  for (auto line : lines_of(text)) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (number == 1 && line.starts_with("#version"))) continue;
    const size_t blank = line.find(' ');
    require(blank != std::string_view::npos && line.find(' ', blank + 1) == std::string_view::npos,
            "{}: line {}: expected two tokens with a blank between, found '{}'", file.string(),
            number, line);
    merges.emplace_back(line.substr(0, blank), line.substr(blank + 1));
  }
  return merges;
}

/// Tokens of added_tokens.json, which knows texts and ids only.
std::vector<AddedToken> read_added_tokens(const std::filesystem::path& file) {
  std::vector<AddedToken> tokens;
  if (!std::filesystem::exists(file)) return tokens;
  const Vocabulary vocabulary = read_vocab_json(file);
  for (int32_t id = 0; id < vocabulary.end_id(); ++id) {
    if (vocabulary.has(id))
      tokens.push_back({.id = id, .content = std::string(vocabulary.token(id))});
  }
  return tokens;
}

}  // namespace

TokenizerParts read_vocab_and_merges(const std::filesystem::path& folder, TokenizerConfig& config) {
  const Family family = family_of(config, folder);
  TokenizerParts parts;
  if (!config.tokenizer_class) {
    parts.notes.emplace_back("no tokenizer_config.json names a class: taken as GPT-2's tokenizer");
  }
  parts.model.vocabulary = read_vocab_json(folder / "vocab.json");
  parts.model.merges = read_merges(folder / "merges.txt");
  parts.model.byte_level = true;
  parts.decoder.byte_level = true;
  if (family.composes) parts.normalizer.emplace_back(UnicodeForm::Nfc);
  parts.pre_tokenizer = {
      Split{.pattern = std::string(text_of(family.pattern))},
      ByteLevel{.add_prefix_space = config.add_prefix_space, .use_regex = false}};
  add_tokens(parts.added_tokens, config.added_tokens, folder.string());
  add_tokens(parts.added_tokens, read_added_tokens(folder / "added_tokens.json"), folder.string());
  if (family.pattern == KnownPattern::Gpt2 && !config.bos && !config.eos &&
      parts.model.vocabulary.find(end_of_text)) {
    config.bos = config.eos = end_of_text;
  }
  return parts;
}

}  // namespace hylo::models
