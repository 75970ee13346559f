// Softmax attention over pages, one query at a time in float64.
// Source: Vaswani et al. 2017 (arXiv 1706.03762), equation 1.
#pragma once

#include "kernels/ops/attention.h"

namespace hylo::kernels::reference {

/// What kernels::attention computes, in float64: [N, H, V].
at::Tensor attention(const AttentionIn& in);

}  // namespace hylo::kernels::reference
