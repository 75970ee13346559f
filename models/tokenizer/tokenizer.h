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
  std::string kind;    ///< "byte-level BPE", "BPE with byte fallback", "BPE" or "SentencePiece"
  std::string sha256;  ///< over the files it was read from, in a fixed order
  int64_t vocabulary_size = 0;  ///< number of ids, added tokens included (largest id + 1)
  std::optional<int32_t> bos, eos, pad, unknown;
  bool adds_bos = false;           ///< encode with special tokens puts BOS in front
  bool adds_eos = false;           ///< ... and EOS at the end
  std::vector<std::string> notes;  ///< what was assumed or is unknown
};

/// What one id contributes to a text.
struct TokenText {
  std::string_view bytes;         ///< lives as long as the tokenizer
  bool is_byte_fallback = false;  ///< one byte that was spelt as a token of its own, e.g. <0x0A>
  bool keeps_blank = false;       ///< its leading blank is text wherever it stands
};

/// How the texts of ids become one text (detokenizer.h).
struct DecodeRules {
  /// What becomes U+FFFD where bytes are not UTF-8.
  enum class BrokenBytes {
    MaximalSubparts,  ///< the longest beginning of a character, as Unicode recommends: byte-level
                      ///< BPE
    EachOfRun,        ///< every byte of a run of byte tokens, the good ones too: tokenizer.json's
                      ///< ByteFallback
    EachBroken,       ///< every byte that is in no character: SentencePiece
  };
  /// Which leading blanks do not belong to the text.
  enum class LeadingBlank {
    Keep,
    StripFromText,        ///< the first one of the whole text
    StripFromFirstPiece,  ///< the first one, if a piece brings it and not a byte token
    StripUntilText,  ///< one of each piece until there is a text: blanks were removed in encoding
    StripAllOfFirstPiece,  ///< all those of the first piece: tokenizer.json's Metaspace
  };
  BrokenBytes broken_bytes = BrokenBytes::MaximalSubparts;
  LeadingBlank leading_blank = LeadingBlank::Keep;
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  [[nodiscard]] virtual const TokenizerInfo& info() const = 0;

  /// Ids of a text. The text of a special token becomes that token. `add_special_tokens` adds what
  /// the tokenizer's own configuration puts around a text (BOS); never a second BOS when the text
  /// begins with the BOS string. Throws Error when the text is not valid UTF-8: no reference
  /// defines its ids. Safe to call from several threads.
  [[nodiscard]] virtual std::vector<int32_t> encode(std::string_view text,
                                                    bool add_special_tokens) const = 0;

  /// What an id stands for. Throws Error on an unknown id.
  [[nodiscard]] virtual TokenText text_of(int32_t id) const = 0;
  [[nodiscard]] virtual DecodeRules decode_rules() const = 0;

  [[nodiscard]] virtual bool is_special(int32_t id) const = 0;
  /// The id of a token given by its exact text, e.g. "<|endoftext|>".
  [[nodiscard]] virtual std::optional<int32_t> id_of(std::string_view token) const = 0;

  /// The text of ids: what a Detokenizer makes of them. Bytes that are not UTF-8 become U+FFFD.
  /// Throws Error on an unknown id.
  [[nodiscard]] std::string decode(std::span<const int32_t> ids, bool skip_special_tokens) const;
};

/// Whether a folder has files that load_tokenizer takes for a tokenizer, sound or not.
bool has_tokenizer(const std::filesystem::path& folder);

/// Opens the tokenizer of a checkpoint folder (tokenizer.json, else tokenizer.model, else
/// vocab.json + merges.txt, with tokenizer_config.json, special_tokens_map.json and
/// added_tokens.json where they are), or a single tokenizer.json or SentencePiece model, which is
/// then read alone. Throws Error naming what is missing or not understood.
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& folder_or_file);

/// Holds a tokenizer against the rows of a model's embedding. Throws Error when it has ids that the
/// model has no row for; returns a note when it leaves more than a tenth of the rows unused.
std::optional<std::string> check_fits(const TokenizerInfo& info, int64_t model_vocabulary);

}  // namespace hylo::models
