// Ids to text, one after another.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "models/tokenizer/tokenizer.h"

namespace hylo::models {

struct DetokenizerOptions {
  bool skip_special_tokens = true;
};

/// Turns ids into text as they come. Everything that push returns is final, and never half a
/// character; all that push and finish return, joined, is what Tokenizer::decode gives for the same
/// ids. Constant time a token on average.
/// What is held back: with byte-level BPE and SentencePiece the beginning of an unfinished
/// character (at most three bytes); with tokenizer.json's ByteFallback a whole run of byte tokens,
/// because one byte that breaks the run turns all of it into U+FFFD.
class Detokenizer {
 public:
  /// `tokenizer` must outlive the detokenizer.
  explicit Detokenizer(const Tokenizer& tokenizer, DetokenizerOptions options = {});

  /// Throws Error on an unknown id.
  [[nodiscard]] std::string push(int32_t id);
  /// What was held back; the next push begins a new text.
  [[nodiscard]] std::string finish();

 private:
  void take_bytes(std::string& out, bool at_end);
  void take_piece(std::string& out, const TokenText& token);
  void put(std::string& out, std::string_view text);

  const Tokenizer& tokenizer_;
  DecodeRules rules_;
  DetokenizerOptions options_;
  std::string pending_;         // bytes that may yet become a character
  bool blank_may_come_ = true;  // a leading blank would still be dropped
  bool has_text_ = false;
};

}  // namespace hylo::models
