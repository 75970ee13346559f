// The choice of experts, on CPUs. Vectorised by Highway and dispatched at run time. Shapes have
// been checked by the op that calls.
#pragma once

#include "kernels/ops/moe_dispatch.h"

namespace hylo::kernels::cpu {

/// Logits and bias contiguous, of the type that computes; `routes` is there and contiguous.
void route(const RouteIn& in, Routes& routes);

}  // namespace hylo::kernels::cpu
