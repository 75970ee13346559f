// From log-likelihoods of single tokens to what a task is told of a text.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tasks/core/request.h"

namespace hylo::harness {

/// Throws Error for a limit below 0 or spans of no tokens.
void check(const tasks::ScoreTokens& request);

/// `ids` are those of the whole text, of which as many as there are log-likelihoods were read.
tasks::TokenScores token_scores(std::vector<int32_t> ids, std::span<const double> log_likelihoods,
                                int64_t span_tokens);

}  // namespace hylo::harness
