// The gate of a SwiGLU feed-forward in float64.
// Source: Shazeer 2020 (arXiv 2002.05202), equation 6.
#pragma once

#include "kernels/ops/swiglu.h"

namespace hylo::kernels::reference {

/// gate / (1 + exp(-gate)) * up in float64, without any rounding on the way.
at::Tensor swiglu(const SwiGluIn& in);

}  // namespace hylo::kernels::reference
