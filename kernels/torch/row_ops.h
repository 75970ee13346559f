// Norm, rotation and gate as differentiable functions; shapes have been checked. The results are
// those of kernels/cpu bit by bit; roundings inside count as the identity for gradients.
#pragma once

#include "kernels/ops/rms_norm.h"
#include "kernels/ops/rotary.h"
#include "kernels/ops/swiglu.h"

namespace hylo::kernels::torch_form {

at::Tensor rms_norm(const RmsNormIn& in);
/// Differentiable in x; the tables are constants.
at::Tensor rotary(const RotaryIn& in);
at::Tensor swiglu(const SwiGluIn& in);

}  // namespace hylo::kernels::torch_form
