// The selective state-space recurrence of Mamba-2, with one decay per head; with a decay per key
// channel it is gated linear attention (Yang et al. 2023, arXiv 2312.06635).
// Source: Dao, Gu 2024 (arXiv 2405.21060), structured state-space duality, section 6. In the words
// of attention: C is the query, B the key, and x times its step size the value.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "kernels/ops/row_range.h"

namespace hylo::kernels {

/// New tokens of B sequences, N rows together, H heads. Queries and keys may have fewer heads: head
/// h reads query head h / (H / Hq) and key head h / (H / Hk).
struct SelectiveScanIn {
  at::Tensor q_NHK;         ///< C of the paper, [N, Hq, K]
  at::Tensor k_NHK;         ///< B of the paper, [N, Hk, K], same type
  at::Tensor v_NHV;         ///< step size times x, [N, H, V], same type
  at::Tensor log_decay_NH;  ///< step size times A, <= 0; [N, H], or [N, H, K] for a decay per key
                            ///< channel; float32 (float64 for float64)
  at::Tensor state_BHKV;    ///< [B, H, K, V] before the first row; type of log_decay; undefined: 0
  std::span<const RowRange> sequences;  ///< B of them; rows of none give zeros
  RecurrentForm form = RecurrentForm::Chunked;
  /// Not empty: state_BHKV is a pool [P, heads, K, V], contiguous, in which states step in place;
  /// no gradient.
  Slots slots = {};
};
struct SelectiveScanOut {
  at::Tensor out_NHV;     ///< type of v
  at::Tensor state_BHKV;  ///< after the last row of each sequence; a new tensor, or the pool
};

/// For the rows t of each sequence, per head:
///   S <- exp(log_decay_t) S + k_t v_t;   out_t = q_t S
/// States, decays and sums in float32 (float64 for float64). Differentiable in every tensor with
/// the chunked form. A sequence cut into two calls that pass the state on gives what one call
/// gives, within the rounding of the type. Memory of the backward pass: kernels/torch/recurrence.h.
/// Throws Error when shapes or types disagree, or when a form without a gradient is to give one.
SelectiveScanOut selective_scan(const SelectiveScanIn& in);

}  // namespace hylo::kernels
