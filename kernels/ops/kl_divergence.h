// How far a student's next token is from a teacher's, fused with both last projections.
#pragma once

#include "kernels/ops/token_losses.h"

namespace hylo::kernels {

enum class KlDirection {
  Forward,  ///< sum of p log(p / q), p the teacher's and q the student's probabilities
  Reverse,  ///< sum of q log(q / p)
};

struct KlDivergenceIn {
  Projection student;
  Projection teacher;  ///< its own width and type; the same vocabulary
  at::Tensor mask_N;   ///< bool, false: does not count; undefined: all count
  KlDirection direction = KlDirection::Forward;
  double temperature = 1;  ///< divides both logits; the loss is not multiplied by its square
  double factor = 1;
};
/// Statistics in float32 (float64 where both are float64). The gradients of the student's hidden
/// states and weight are formed in the forward pass; nothing flows to the teacher. Memory: as
/// cross_entropy, with logits of both. Throws Error when shapes or types disagree.
TokenLosses kl_divergence(const KlDivergenceIn& in);

/// A teacher of which the k likeliest tokens were kept.
struct TopKDivergenceIn {
  Projection student;
  at::Tensor ids_Nk;            ///< int64, each once in its row
  at::Tensor probabilities_Nk;  ///< float32; what is missing to 1 is the rest's
  at::Tensor mask_N;            ///< as above
  double factor = 1;
};
/// Forward divergence with all other tokens as one: sum over the kept of p log(p / q), and
/// p_rest log(p_rest / q_rest). Throws Error as kl_divergence, and for ids outside of the
/// vocabulary or probabilities that are not.
TokenLosses top_k_divergence(const TopKDivergenceIn& in);

}  // namespace hylo::kernels
