// The gated delta rule, one token at a time in float64.
// Source: Yang, Kautz, Hatamizadeh 2024 (arXiv 2412.06464), the gated delta rule.
#pragma once

#include "kernels/ops/gated_delta.h"

namespace hylo::kernels::reference {

/// What kernels::gated_delta computes, in float64; differentiable.
GatedDeltaOut gated_delta(const GatedDeltaIn& in);

}  // namespace hylo::kernels::reference
