// Norms with a gate and unit vectors as differentiable functions. The results are those of
// kernels/cpu bit by bit; roundings inside count as the identity for gradients.
#pragma once

#include "kernels/ops/gated_norm.h"

namespace hylo::kernels::torch_form {

/// Inputs as the ops have checked them.
at::Tensor gated_norm(const GatedNormIn& in);
at::Tensor l2_norm(const L2NormIn& in);

}  // namespace hylo::kernels::torch_form
