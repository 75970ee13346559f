// What a tokenizer is made of, whichever files say so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/tokenizer/added_tokens.h"
#include "models/tokenizer/bpe.h"
#include "models/tokenizer/normalizer.h"
#include "models/tokenizer/pre_tokenizer.h"
#include "models/tokenizer/tokenizer.h"

namespace hylo::models {

/// From tokens to text.
struct TextDecoder {
  bool byte_level = false;  ///< tokens are spelt in GPT-2's alphabet; nothing else is done then
  std::vector<std::pair<std::string, std::string>> replacements;  ///< in each token, in turn
  bool byte_fallback = false;                                     ///< <0x0A> is a byte
  DecodeRules::LeadingBlank leading_blank = DecodeRules::LeadingBlank::Keep;
};

struct TokenizerParts {
  std::vector<AddedToken> added_tokens;
  std::vector<NormalizerStep> normalizer;
  std::vector<PreTokenizerStep> pre_tokenizer;
  BpeModel model;
  std::vector<int32_t> before, after;  ///< ids put around a text
  TextDecoder decoder;
  std::vector<std::string> notes;
};

}  // namespace hylo::models
