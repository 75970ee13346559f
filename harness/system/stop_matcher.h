// When a generated text has reached a stop string.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "models/tokenizer/tokenizer.h"

namespace hylo::harness {

/// Looks at the last tokens only: a stop string of k tokens is searched in the text of the last k +
/// 2, special tokens visible. Source: lm-evaluation-harness 0.4, lm_eval/models/utils.py
/// (MultiTokenEOSCriteria).
class StopMatcher {
 public:
  /// `tokenizer` must outlive the matcher.
  StopMatcher(const models::Tokenizer& tokenizer, const std::vector<std::string>& stops);

  [[nodiscard]] bool matches(std::span<const int32_t> generated) const;

 private:
  struct Stop {
    std::string text;
    size_t num_tokens;
  };
  const models::Tokenizer& tokenizer_;
  std::vector<Stop> stops_;
};

/// The text of generated ids. Ids that the model has and the tokenizer does not (padding rows of
/// the embedding) have no text.
std::string decode_generated(const models::Tokenizer& tokenizer, std::span<const int32_t> ids,
                             bool skip_special_tokens);

}  // namespace hylo::harness
