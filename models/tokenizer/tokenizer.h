// Text to token ids and back.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hylo::models {

/// What a tokenizer is: stored with a run, printed by inspect.
struct TokenizerInfo {
  std::string kind;    ///< "byte-level BPE", "SentencePiece BPE", "BPE with byte fallback", ...
  std::string sha256;  ///< over the files it was read from, in a fixed order
  int64_t vocabulary_size = 0;  ///< number of ids, added tokens included (largest id + 1)
  std::optional<int32_t> bos, eos, pad, unknown;
  bool adds_bos = false;           ///< encode with special tokens puts BOS in front
  bool adds_eos = false;           ///< ... and EOS at the end
  std::vector<std::string> notes;  ///< what was assumed or is unknown
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  [[nodiscard]] virtual const TokenizerInfo& info() const = 0;

  /// Ids of a text. The text of a special token becomes that token. `add_special_tokens` adds what
  /// the tokenizer's own configuration puts around a text (BOS); never a second BOS when the text
  /// begins with the BOS string. Throws Error when the text is not valid UTF-8 and the model has no
  /// bytes.
  [[nodiscard]] virtual std::vector<int32_t> encode(std::string_view text,
                                                    bool add_special_tokens) const = 0;

  /// The text of ids. Byte sequences that are not UTF-8 become U+FFFD. Throws Error on an unknown
  /// id.
  [[nodiscard]] virtual std::string decode(std::span<const int32_t> ids,
                                           bool skip_special_tokens) const = 0;

  [[nodiscard]] virtual bool is_special(int32_t id) const = 0;
  /// The id of a token given by its exact text, e.g. "<|endoftext|>".
  [[nodiscard]] virtual std::optional<int32_t> id_of(std::string_view token) const = 0;
};

/// Opens the tokenizer of a checkpoint folder (tokenizer.json, else tokenizer.model, else
/// vocab.json + merges.txt, with tokenizer_config.json, special_tokens_map.json and
/// added_tokens.json where they are), or a single tokenizer file. Throws Error naming what is
/// missing or not understood.
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& folder_or_file);

}  // namespace hylo::models
