// Packed attention, slow and obvious: float64, all scores of a sequence at once.
#pragma once

#include "kernels/ops/packed_attention.h"

namespace hylo::kernels::reference {

/// As kernels::packed_attention, in float64, and differentiable by LibTorch's own rules. Sequences
/// must lie in order.
at::Tensor packed_attention(const PackedAttentionIn& in);

}  // namespace hylo::kernels::reference
