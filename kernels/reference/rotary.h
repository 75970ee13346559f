// Rotary position embedding in float64.
// Source: Su et al. 2021 (arXiv 2104.09864), equation 34; pairs (i, i + P) as transformers'
// rotate_half.
#pragma once

#include "kernels/ops/rotary.h"

namespace hylo::kernels::reference {

/// What kernels::rotary computes, in float64.
at::Tensor rotary(const RotaryIn& in);

}  // namespace hylo::kernels::reference
