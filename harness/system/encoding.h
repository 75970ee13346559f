// Requests to token sequences, by the rules on which published numbers depend.
// Source: lm-evaluation-harness 0.4, lm_eval/api/model.py and lm_eval/utils.py.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/tokenizer/tokenizer.h"

namespace hylo::harness {

struct EncodedPair {
  std::vector<int32_t> context, continuation;
  bool boundary_merged = false;  ///< the context alone is not a prefix of the whole
};
/// White space at the end of the context moves to the continuation; the context is encoded alone,
/// the continuation is what the whole has beyond the context's number of tokens. An empty context
/// is the prefix token. Throws Error when nothing is left to score.
EncodedPair encode_pair(const models::Tokenizer& tokenizer, const std::string& context,
                        const std::string& continuation);

/// The token from which a text without context is predicted: BOS, else EOS. Throws Error when the
/// tokenizer has neither.
int32_t prefix_token(const models::Tokenizer& tokenizer);

/// Windows of a long text: input [begin, end) of prefix + ids, of which the last num_scored tokens'
/// successors are scored.
struct Window {
  std::vector<int32_t> tokens;  ///< input, and the last scored token
  int64_t num_scored = 0;
};
/// Every token of `ids` is scored once; each window is at most max_length long, the first begins
/// with the prefix token, later ones with one token of context, the last with as much as fits.
std::vector<Window> rolling_windows(const std::vector<int32_t>& ids, int32_t prefix,
                                    int64_t max_length);

/// A text that is read in one context, from its first token on.
struct EncodedText {
  std::vector<int32_t> ids;  ///< of the whole text, without what the tokenizer puts around it
  Window window;             ///< the prefix token and as many ids as are read, all of them scored
};
/// At most max_tokens ids are read. Throws Error for a text without tokens.
EncodedText encode_text(const models::Tokenizer& tokenizer, const std::string& text,
                        int64_t max_tokens);

/// `text` up to the first occurrence of each stop string, one after another in their order.
std::string cut_at_stops(std::string text, const std::vector<std::string>& stops);

}  // namespace hylo::harness
