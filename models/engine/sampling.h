// The next token out of a row of logits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "harness/base/random.h"

namespace hylo::models {

/// Applied in this order: repetition penalty, temperature, top-k, top-p, min-p.
struct SamplingOptions {
  double temperature = 0;         ///< 0: the arg max, first index; > 0: divides the logits
  int64_t top_k = 0;              ///< 0: all
  double top_p = 1;               ///< in (0, 1]
  double min_p = 0;               ///< in [0, 1)
  double repetition_penalty = 1;  ///< > 0; on every token of prompt and generation
};

/// Throws Error naming the value that is out of range.
void check(const SamplingOptions& options);

/// `seen`: prompt and what was generated. Throws Error when a logit is NaN.
int32_t choose_token(std::span<const float> logits_W, std::span<const int32_t> seen,
                     const SamplingOptions& options, CounterRandom& random);

}  // namespace hylo::models
