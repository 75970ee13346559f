// y = x W^T + b as a differentiable function whose three products are those of ops/product.h.
#pragma once

#include "kernels/ops/linear.h"

namespace hylo::kernels::torch_form {

/// Inputs as the op has checked them; float32.
at::Tensor linear(const LinearIn& in);

}  // namespace hylo::kernels::torch_form
