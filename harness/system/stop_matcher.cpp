#include "harness/system/stop_matcher.h"

#include <algorithm>

namespace hylo::harness {

StopMatcher::StopMatcher(const models::Tokenizer& tokenizer, const std::vector<std::string>& stops)
    : tokenizer_(tokenizer) {
  for (const auto& stop : stops) {
    if (!stop.empty()) stops_.push_back({stop, tokenizer.encode(stop, false).size()});
  }
}

bool StopMatcher::matches(std::span<const int32_t> generated) const {
  return std::ranges::any_of(stops_, [&](const Stop& stop) {
    const size_t looked_at = std::min(generated.size(), stop.num_tokens + 2);
    const auto text = decode_generated(tokenizer_, generated.last(looked_at), false);
    return text.find(stop.text) != std::string::npos;
  });
}

std::string decode_generated(const models::Tokenizer& tokenizer, std::span<const int32_t> ids,
                             bool skip_special_tokens) {
  std::vector<int32_t> known;
  std::ranges::copy_if(ids, std::back_inserter(known),
                       [&](int32_t id) { return id < tokenizer.info().vocabulary_size; });
  return tokenizer.decode(known, skip_special_tokens);
}

}  // namespace hylo::harness
