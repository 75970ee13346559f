// Losses of rows of logits and their gradients, in place. Vectorised by Highway and dispatched at
// run time; shapes have been checked; logits are contiguous.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "kernels/ops/kl_divergence.h"

namespace hylo::kernels::cpu {

/// Where losses go: one per row; and what becomes of the logits.
struct LossRows {
  at::Tensor logits_QW;      ///< with gradient_scale: replaced by it times the gradient of the loss
  std::span<double> losses;  ///< nats
  double gradient_scale = 0;
  bool with_gradient = false;
};

struct LabelRows {
  std::span<const int64_t> labels;
  std::span<const double> weights;  ///< of loss and gradient; empty: all 1
  double z_loss = 0;
};
void cross_entropy_rows(const LossRows& rows, const LabelRows& in);

struct KlRows {
  at::Tensor teacher_QW;       ///< the student's type or another
  std::span<const bool> mask;  ///< empty: all count
  KlDirection direction = KlDirection::Forward;
  double temperature = 1;
};
void kl_rows(const LossRows& rows, const KlRows& in);

struct TopKRows {
  at::Tensor ids_Qk, probabilities_Qk;  ///< int64; float32 or float64, contiguous
  std::span<const bool> mask;
};
void top_k_rows(const LossRows& rows, const TopKRows& in);

}  // namespace hylo::kernels::cpu
