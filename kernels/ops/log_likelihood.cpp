#include "kernels/ops/log_likelihood.h"

#include "harness/base/error.h"
#include "kernels/cpu/rows.h"
#include "kernels/ops/shape.h"

namespace hylo::kernels {

std::vector<TokenLogProb> log_likelihoods(const at::Tensor& logits_NW,
                                          std::span<const Target> targets) {
  require(logits_NW.dim() == 2 && logits_NW.is_contiguous(),
          "log_likelihoods: logits {} must be two-dimensional and contiguous",
          shape_text(logits_NW));
  for (const auto& [row, token] : targets) {
    require(row >= 0 && row < logits_NW.size(0) && token >= 0 && token < logits_NW.size(1),
            "log_likelihoods: row {}, token {} is outside of the logits {}", row, token,
            shape_text(logits_NW));
  }
  return cpu::log_likelihoods(logits_NW, targets);
}

}  // namespace hylo::kernels
