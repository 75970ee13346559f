#include "harness/system/token_scores.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "harness/base/error.h"

namespace hylo::harness {

void check(const tasks::ScoreTokens& request) {
  require(request.max_tokens >= 0 && request.span_tokens > 0,
          "at most {} tokens in spans of {}: expected 0 (no limit) or more, in spans of 1 or more",
          request.max_tokens, request.span_tokens);
}

tasks::TokenScores token_scores(std::vector<int32_t> ids, std::span<const double> log_likelihoods,
                                int64_t span_tokens) {
  tasks::TokenScores scores{.span_log_likelihoods = {},
                            .num_tokens = std::ssize(log_likelihoods),
                            .unread_tokens = std::ssize(ids) - std::ssize(log_likelihoods),
                            .token_ids = std::move(ids)};
  for (size_t begin = 0; begin < log_likelihoods.size();) {
    const auto n = std::min(static_cast<size_t>(span_tokens), log_likelihoods.size() - begin);
    const auto span = log_likelihoods.subspan(begin, n);
    scores.span_log_likelihoods.push_back(std::accumulate(span.begin(), span.end(), 0.0));
    begin += n;
  }
  return scores;
}

}  // namespace hylo::harness
