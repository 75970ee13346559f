// A tokenizer made of parts: tokenizer.json, or vocab.json and merges.txt.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "models/tokenizer/added_tokens.h"
#include "models/tokenizer/piece_cache.h"
#include "models/tokenizer/tokenizer.h"
#include "models/tokenizer/tokenizer_config.h"
#include "models/tokenizer/tokenizer_parts.h"

namespace hylo::models {

struct BpeTokenizerOptions {
  bool use_scanners = true;  ///< known patterns without PCRE2
  bool use_cache = true;     ///< remember the ids of pieces
};

/// The order is Hugging Face's: added tokens of the raw text; normalization of what is between;
/// added tokens of the normalized text; pieces; merges.
class BpeTokenizer final : public Tokenizer {
 public:
  /// `where` (a file or folder) opens messages. Throws Error when the parts contradict one another.
  BpeTokenizer(TokenizerParts parts, const TokenizerConfig& config, const std::string& where,
               BpeTokenizerOptions options = {});

  [[nodiscard]] const TokenizerInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<int32_t> encode(std::string_view text,
                                            bool add_special_tokens) const override;
  [[nodiscard]] TokenText text_of(int32_t id) const override;
  [[nodiscard]] DecodeRules decode_rules() const override { return rules_; }
  [[nodiscard]] bool is_special(int32_t id) const override;
  [[nodiscard]] std::optional<int32_t> id_of(std::string_view token) const override;
  void set_sha256(std::string sha256) { info_.sha256 = std::move(sha256); }

 private:
  class Lease;
  struct IdText {
    std::string bytes;
    bool is_there = false, is_byte_fallback = false, is_special = false;
  };

  void take_names(const TokenizerConfig& config, TokenizerParts& parts, const std::string& where);
  void take_surroundings(const TokenizerConfig& config, const TokenizerParts& parts);
  void take_added_tokens(const TokenizerParts& parts, const std::string& where);
  void take_texts(const TextDecoder& decoder);
  IdText text_from(std::string_view token, const TextDecoder& decoder) const;
  void encode_between(std::string_view text, bool is_first, PieceCache* cache,
                      std::vector<int32_t>& ids) const;
  void encode_words(std::string_view piece, PieceCache* cache, std::vector<int32_t>& ids) const;
  void encode_piece(std::string_view piece, PieceCache* cache, std::vector<int32_t>& ids) const;

  BpeTokenizerOptions options_;
  TokenizerInfo info_;
  DecodeRules rules_;
  Bpe bpe_;
  PreTokenizer pre_tokenizer_;
  std::vector<NormalizerStep> normalizer_;
  AddedTokenFinder raw_tokens_, normalized_tokens_;
  Vocabulary added_;
  std::vector<int32_t> before_, after_;
  std::vector<IdText> texts_;  // by id

  // Calls from several threads each borrow a cache.
  mutable std::mutex caches_mutex_;
  mutable std::vector<std::unique_ptr<PieceCache>> caches_;
};

}  // namespace hylo::models
