#include "harness/system/encoding.h"

#include <algorithm>

#include "harness/base/error.h"
#include "harness/base/unicode.h"

namespace hylo::harness {

int32_t prefix_token(const models::Tokenizer& tokenizer) {
  const auto& info = tokenizer.info();
  require(
      info.bos || info.eos,
      "the tokenizer names neither a BOS nor an EOS token, from which a text without context could "
      "be predicted; name one in tokenizer_config.json");
  return info.bos ? *info.bos : *info.eos;
}

EncodedPair encode_pair(const models::Tokenizer& tokenizer, const std::string& context,
                        const std::string& continuation) {
  EncodedPair pair;
  if (context.empty()) {
    const int32_t prefix = prefix_token(tokenizer);
    pair.continuation = tokenizer.encode(continuation, false);
    pair.context = {prefix};
    if (!pair.continuation.empty() && pair.continuation.front() == prefix) {
      pair.continuation.erase(pair.continuation.begin());
    }
  } else {
    const auto kept = python_rstrip(context);
    pair.context = tokenizer.encode(kept, true);
    // Trailing white space of the context belongs to what follows: the text as a whole stays the
    // same.
    const auto whole = tokenizer.encode(context + continuation, true);
    pair.boundary_merged = whole.size() < pair.context.size() ||
                           !std::equal(pair.context.begin(), pair.context.end(), whole.begin());
    if (whole.size() > pair.context.size()) {
      pair.continuation.assign(whole.begin() + static_cast<int64_t>(pair.context.size()),
                               whole.end());
    }
  }
  require(!pair.context.empty(),
          "the context has no tokens once its trailing white space is moved to "
          "the continuation, and the tokenizer adds none");
  require(!pair.continuation.empty(),
          "the continuation has no tokens of its own: nothing to score");
  return pair;
}

std::vector<Window> rolling_windows(const std::vector<int32_t>& ids, int32_t prefix,
                                    int64_t max_length) {
  std::vector<int32_t> all{prefix};
  all.insert(all.end(), ids.begin(), ids.end());
  const auto num_tokens = static_cast<int64_t>(ids.size());
  std::vector<Window> windows;
  for (int64_t done = 0; done < num_tokens;) {
    const int64_t scored = std::min(max_length, num_tokens - done);
    const int64_t end = done + scored;  // tokens all[1 .. end] are predicted by then
    const int64_t begin = std::max<int64_t>(0, end - max_length);
    windows.push_back({{all.begin() + begin, all.begin() + end + 1}, scored});
    done = end;
  }
  return windows;
}

EncodedText encode_text(const models::Tokenizer& tokenizer, const std::string& text,
                        int64_t max_tokens) {
  EncodedText encoded{.ids = tokenizer.encode(text, false), .window = {}};
  auto& [tokens, num_scored] = encoded.window;
  tokens = {prefix_token(tokenizer)};
  const auto first = encoded.ids.begin();
  // A text that spells BOS begins with it once, not twice.
  if (first != encoded.ids.end() && *first == tokens.front()) encoded.ids.erase(first);
  require(!encoded.ids.empty(), "a text without tokens: nothing to score");
  num_scored = std::min(max_tokens, std::ssize(encoded.ids));
  tokens.insert(tokens.end(), encoded.ids.begin(), encoded.ids.begin() + num_scored);
  return encoded;
}

std::string cut_at_stops(std::string text, const std::vector<std::string>& stops) {
  for (const auto& stop : stops) {
    if (stop.empty()) continue;
    if (const size_t at = text.find(stop); at != std::string::npos) text.resize(at);
  }
  return text;
}

}  // namespace hylo::harness
