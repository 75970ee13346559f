// Packed attention as a differentiable function; shapes have been checked.
#pragma once

#include "kernels/ops/packed_attention.h"

namespace hylo::kernels::torch_form {

at::Tensor packed_attention(const PackedAttentionIn& in);

}  // namespace hylo::kernels::torch_form
