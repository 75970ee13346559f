#include "models/distill/held_out_loss.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>

#include <cmath>

#include "harness/base/error.h"
#include "kernels/ops/cross_entropy.h"
#include "models/distill/packed_rows.h"

namespace hylo::models {

double HeldOutLoss::perplexity() const { return std::exp(cross_entropy); }

HeldOutLoss held_out_loss(const Decoder& model, TokenWalk& walk) {
  const at::NoGradGuard no_grad;
  HeldOutLoss loss;
  double sum = 0;
  walk.rewind();
  while (const auto rows = walk.next()) {
    const auto out = model.forward(rows->tokens_N, packed_batch(rows->sequence_rows));
    sum += kernels::cross_entropy(
               {last_projection(model, out.normed_ND), at::tensor(rows->labels_N, at::kLong)})
               .sum.item<double>();
    loss.num_labels += rows->num_labels;
  }
  invariant(loss.num_labels > 0, "held-out documents have no label");
  loss.cross_entropy = sum / static_cast<double>(loss.num_labels);
  return loss;
}

}  // namespace hylo::models
