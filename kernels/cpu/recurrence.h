// The recurrence that the gated delta rule and the selective scan share, on CPUs:
//   S <- exp(log_decay_t) S;   S <- S + k_t written_t;   out_t = scale q_t S
// where written_t is beta_t (v_t - k_t S) with a delta rule and v_t without. Vectorised by Highway
// and dispatched at run time. Shapes have been checked by the op that calls.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "kernels/ops/row_range.h"

namespace hylo::kernels::cpu {

/// q, k and v of one type, the heads of a row contiguous (rows may lie apart); the rest contiguous
/// and of the type that computes. H value heads; head h reads query head h / (H / Hq).
struct RecurrenceIn {
  at::Tensor q_NHK, k_NHK, v_NHV;
  at::Tensor log_decay_NH;  ///< [N, H] or [N, H, K]
  at::Tensor beta_NH;       ///< undefined: no delta rule
  std::span<const RowRange> sequences;
  double scale = 1;
};

/// Token by token. `state_BHKV` holds the states before the first rows, and those after the last
/// ones when this returns. A row's bits depend on its own past alone.
void recurrence_stepwise(const RecurrenceIn& in, at::Tensor& out_NHV, at::Tensor& state_BHKV);

}  // namespace hylo::kernels::cpu
