// The short convolutions with a backward pass of their own.
#pragma once

#include "kernels/ops/causal_conv.h"

namespace hylo::kernels::torch_form {

/// Inputs as the ops have checked them; `tail_BCD` is defined. The results are those without
/// gradients, bit by bit.
CausalConvOut causal_conv(const CausalConvIn& in);
CausalConvOut dynamic_conv(const DynamicConvIn& in);

}  // namespace hylo::kernels::torch_form
