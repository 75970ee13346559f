// Log-probabilities of chosen tokens in float64.
#pragma once

#include "kernels/ops/log_likelihood.h"

namespace hylo::kernels::reference {

/// What kernels::log_likelihoods computes, in float64.
std::vector<TokenLogProb> log_likelihoods(const at::Tensor& logits_NW,
                                          std::span<const Target> targets);

}  // namespace hylo::kernels::reference
