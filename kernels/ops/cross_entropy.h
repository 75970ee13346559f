// Cross-entropy of the next token, fused with the last projection.
#pragma once

#include "kernels/ops/token_losses.h"

namespace hylo::kernels {

struct CrossEntropyIn {
  Projection student;
  at::Tensor labels_N;  ///< int64 in [0, W), or no_label
  double z_loss = 0;    ///< times the square of each token's log-sum-exp, added to its loss
  double factor = 1;    ///< such as 1 / the number of counted tokens of the whole batch
  /// float64, what each token's loss and gradient are multiplied by; undefined: all 1. Below 0 for
  /// what is to become less likely.
  at::Tensor weights_N = {};
};
/// -log softmax(logits)[label]; statistics in float32 (float64 for float64). The gradients of
/// hidden and weight are formed in the forward pass, that of the weight summed in float32 (the
/// part of a chunk is rounded to bfloat16 where the weight is). Memory:
/// logits of at most 32M elements, and where gradients are wanted those of hidden and weight.
/// Throws Error when shapes or types disagree or a label is outside of the vocabulary.
TokenLosses cross_entropy(const CrossEntropyIn& in);

}  // namespace hylo::kernels
