// The selective scan of Mamba-2, one token at a time in float64.
// Source: Dao, Gu 2024 (arXiv 2405.21060), equation 1 with a scalar decay per head.
#pragma once

#include "kernels/ops/selective_scan.h"

namespace hylo::kernels::reference {

/// What kernels::selective_scan computes, in float64; differentiable.
SelectiveScanOut selective_scan(const SelectiveScanIn& in);

}  // namespace hylo::kernels::reference
