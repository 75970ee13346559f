#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "models/tokenizer/bpe_tokenizer.h"
#include "models/tokenizer/sentencepiece_tokenizer.h"
#include "models/tokenizer/tokenizer.h"
#include "models/tokenizer/tokenizer_config.h"
#include "models/tokenizer/tokenizer_json.h"
#include "models/tokenizer/vocab_and_merges.h"

namespace hylo::models {
namespace {

namespace fs = std::filesystem;

/// Of the files that exist, each with its name and size before it.
std::string sha256_of_files(const std::vector<fs::path>& files) {
  Sha256 sha;
  for (const auto& file : files) {
    if (!fs::exists(file)) continue;
    const std::string text = read_text_file(file);
    sha.update(fmt::format("{} {}\n", file.filename().string(), text.size())).update(text);
  }
  return sha.hex();
}

std::vector<fs::path> with_configuration(const fs::path& folder,
                                         const std::vector<const char*>& names) {
  std::vector<fs::path> files;
  for (const char* name : names) files.push_back(folder / name);
  files.push_back(folder / "tokenizer_config.json");
  files.push_back(folder / "special_tokens_map.json");
  return files;
}

template <class AnyTokenizer>
std::unique_ptr<Tokenizer> signed_by(std::unique_ptr<AnyTokenizer> tokenizer,
                                     const std::vector<fs::path>& files) {
  tokenizer->set_sha256(sha256_of_files(files));
  return tokenizer;
}

std::unique_ptr<Tokenizer> load_json(const fs::path& file, const TokenizerConfig& config,
                                     const std::vector<fs::path>& files) {
  auto parts = read_tokenizer_json(file);
  add_tokens(parts.added_tokens, config.added_tokens, file.string());
  return signed_by(std::make_unique<BpeTokenizer>(std::move(parts), config, file.string()), files);
}

std::unique_ptr<Tokenizer> load_folder(const fs::path& folder) {
  auto config = read_tokenizer_config(folder);
  if (fs::exists(folder / "tokenizer.json")) {
    return load_json(folder / "tokenizer.json", config,
                     with_configuration(folder, {"tokenizer.json"}));
  }
  if (fs::exists(folder / "tokenizer.model")) {
    const auto model = folder / "tokenizer.model";
    const auto wrapper = config.is_there ? std::optional(config) : std::nullopt;
    return signed_by(std::make_unique<SentencePieceTokenizer>(read_text_file(model), wrapper,
                                                              config.added_tokens, model.string()),
                     with_configuration(folder, {"tokenizer.model"}));
  }
  const bool has_both = fs::exists(folder / "vocab.json") && fs::exists(folder / "merges.txt");
  require(
      has_both,
      "{}: no tokenizer: expected tokenizer.json, tokenizer.model, or vocab.json and merges.txt",
      folder.string());
  auto parts = read_vocab_and_merges(folder, config);
  return signed_by(std::make_unique<BpeTokenizer>(std::move(parts), config, folder.string()),
                   with_configuration(folder, {"vocab.json", "merges.txt", "added_tokens.json"}));
}

}  // namespace

bool has_tokenizer(const fs::path& folder) {
  return std::ranges::any_of(
      std::array{"tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt"},
      [&](const char* name) { return fs::exists(folder / name); });
}

std::unique_ptr<Tokenizer> load_tokenizer(const fs::path& folder_or_file) {
  require(fs::exists(folder_or_file), "{}: no such tokenizer folder or file",
          folder_or_file.string());
  if (fs::is_directory(folder_or_file)) return load_folder(folder_or_file);
  if (folder_or_file.extension() == ".json") return load_json(folder_or_file, {}, {folder_or_file});
  return signed_by(
      std::make_unique<SentencePieceTokenizer>(read_text_file(folder_or_file), std::nullopt,
                                               std::vector<AddedToken>(), folder_or_file.string()),
      {folder_or_file});
}

std::optional<std::string> check_fits(const TokenizerInfo& info, int64_t model_vocabulary) {
  require(info.vocabulary_size <= model_vocabulary,
          "the tokenizer has ids up to {}, but the model's vocabulary ends at {}: it is not this "
          "model's tokenizer",
          info.vocabulary_size - 1, model_vocabulary - 1);
  if (info.vocabulary_size >= model_vocabulary - model_vocabulary / 10) return std::nullopt;
  return fmt::format("the tokenizer has {} ids, the model {}: it may be another model's",
                     info.vocabulary_size, model_vocabulary);
}

}  // namespace hylo::models
