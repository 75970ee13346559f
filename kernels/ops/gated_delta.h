// Gated delta rule: the recurrence inside Gated DeltaNet, JetBlock and, with a decay for every key
// channel, Kimi Delta Attention.
// Sources: Yang, Kautz, Hatamizadeh 2024 (arXiv 2412.06464), the gated delta rule; its chunked (WY)
// form: ibid. section 3; per channel: Kimi Team 2025 (arXiv 2510.26692).
#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "kernels/ops/row_range.h"

namespace hylo::kernels {

/// New tokens of B sequences, N rows together. Value head j reads query and key head j / (Hv / Hk).
struct GatedDeltaIn {
  at::Tensor q_NHK;         ///< [N, Hk, K]
  at::Tensor k_NHK;         ///< same type and shape; of unit length, or the rule may diverge
  at::Tensor v_NHV;         ///< [N, Hv, V], same type
  at::Tensor log_decay_NH;  ///< natural log of the forget gate, <= 0; [N, Hv], or [N, Hv, K] for a
                            ///< decay per key channel; float32 (float64 for float64)
  at::Tensor beta_NH;       ///< [N, Hv], write strength in [0, 2]; type of log_decay
  at::Tensor state_BHKV;    ///< [B, Hv, K, V] before the first row; type of log_decay; undefined: 0
  std::span<const RowRange> sequences;  ///< B of them; rows of none give zeros
  double scale = 1;                     ///< multiplies the queries
  RecurrentForm form = RecurrentForm::Chunked;
  /// Not empty: state_BHKV is a pool [P, heads, K, V], contiguous, in which states step in place;
  /// no gradient.
  Slots slots = {};
};
struct GatedDeltaOut {
  at::Tensor out_NHV;     ///< type of v
  at::Tensor state_BHKV;  ///< after the last row of each sequence; a new tensor, or the pool
};

/// For the rows t of each sequence, per value head:
///   S <- exp(log_decay_t) S;   S <- S + k_t (beta_t (v_t - k_t S));   out_t = scale q_t S
/// States, decays and sums in float32 (float64 for float64). Differentiable in every tensor with
/// the chunked form. A sequence cut into two calls that pass the state on gives what one call
/// gives, within the rounding of the type. Memory of the backward pass: kernels/torch/recurrence.h.
/// Throws Error when shapes or types disagree, or when a form without a gradient is to give one.
GatedDeltaOut gated_delta(const GatedDeltaIn& in);

}  // namespace hylo::kernels
