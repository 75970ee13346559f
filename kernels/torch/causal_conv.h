// The short convolutions as a composition of LibTorch's ops: differentiable, any device.
#pragma once

#include "kernels/ops/causal_conv.h"

namespace hylo::kernels::torch_form {

/// Inputs as the ops have checked them; `tail_BCD` is defined.
CausalConvOut causal_conv(const CausalConvIn& in);
CausalConvOut dynamic_conv(const DynamicConvIn& in);

}  // namespace hylo::kernels::torch_form
