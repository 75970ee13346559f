// SentencePiece models, through the sentencepiece library.
// Source: google/sentencepiece.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/tokenizer/added_tokens.h"
#include "models/tokenizer/tokenizer.h"
#include "models/tokenizer/tokenizer_config.h"

namespace hylo::models {

/// Alone (`config` nothing) a model does what the library does: no BOS or EOS is added, the text of
/// a control piece is text, an unknown piece is decoded as the model says (" U+2047 "). With a
/// checkpoint folder's configuration it does what Hugging Face's wrapper does: special and added
/// tokens are found in the text and what lies between is encoded piece by piece, each with its
/// leading blank; BOS is added unless add_bos_token says no; the unknown token is special.
class SentencePieceTokenizer final : public Tokenizer {
 public:
  /// `serialized` is the content of the file, `where` opens messages. Throws Error when it is no
  /// model.
  SentencePieceTokenizer(const std::string& serialized,
                         const std::optional<TokenizerConfig>& config,
                         const std::vector<AddedToken>& added_tokens, const std::string& where);
  ~SentencePieceTokenizer() override;

  [[nodiscard]] const TokenizerInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<int32_t> encode(std::string_view text,
                                            bool add_special_tokens) const override;
  [[nodiscard]] TokenText text_of(int32_t id) const override;
  [[nodiscard]] DecodeRules decode_rules() const override { return rules_; }
  [[nodiscard]] bool is_special(int32_t id) const override;
  [[nodiscard]] std::optional<int32_t> id_of(std::string_view token) const override;
  void set_sha256(std::string sha256) { info_.sha256 = std::move(sha256); }

 private:
  class Library;
  struct IdText {
    std::string name, bytes;
    bool is_byte = false, is_special = false, is_unknown = false;
  };

  void take_pieces();
  void take_config(const TokenizerConfig& config, const std::vector<AddedToken>& added_tokens,
                   const std::string& where);
  void add(const AddedToken& token, const std::string& where);

  std::unique_ptr<const Library> library_;
  TokenizerInfo info_;
  DecodeRules rules_;
  std::vector<IdText> texts_;  // by id
  AddedTokenFinder tokens_in_text_;
};

}  // namespace hylo::models
