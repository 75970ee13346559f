// Root-mean-square norm in float64.
// Source: Zhang, Sennrich 2019 (arXiv 1910.07467), equation 4.
#pragma once

#include "kernels/ops/rms_norm.h"

namespace hylo::kernels::reference {

/// x / sqrt(mean(x^2) + epsilon) * weight in float64, without any rounding on the way.
at::Tensor rms_norm(const RmsNormIn& in);

}  // namespace hylo::kernels::reference
