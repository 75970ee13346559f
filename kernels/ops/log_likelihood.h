// Log-probabilities of chosen tokens under logits, without a table of all log-probabilities.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

namespace hylo::kernels {

struct Target {
  int64_t row = 0;
  int64_t token = 0;
};
struct TokenLogProb {
  double log_prob = 0;     ///< natural log
  bool is_greedy = false;  ///< the token is the arg max of its row; the first index wins
};

/// For each target: logits[row, token] - log(sum(exp(logits[row]))); the exponentials in float32
/// (float64 for float64), their sum in float64. NaN logits give NaN. A row's result depends on that
/// row alone. Throws Error when a row or token is out of range.
std::vector<TokenLogProb> log_likelihoods(const at::Tensor& logits_NW,
                                          std::span<const Target> targets);

}  // namespace hylo::kernels
