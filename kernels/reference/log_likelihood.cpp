#include "kernels/reference/log_likelihood.h"

#include <ATen/ops/argmax.h>
#include <ATen/ops/log_softmax.h>

namespace hylo::kernels::reference {

std::vector<TokenLogProb> log_likelihoods(const at::Tensor& logits_NW,
                                          std::span<const Target> targets) {
  std::vector<TokenLogProb> out;
  for (const auto& [row, token] : targets) {
    const auto log_probs_W = at::log_softmax(logits_NW.select(0, row).to(at::kDouble), -1);
    out.push_back({.log_prob = log_probs_W.select(0, token).item<double>(),
                   .is_greedy = at::argmax(log_probs_W).item<int64_t>() == token});
  }
  return out;
}

}  // namespace hylo::kernels::reference
