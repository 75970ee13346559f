// Softmax attention within packed sequences whose keys and values are all there: training, and
// whatever else needs no cache.
// Source: as attention.h; backward pass from the log-sum-exp of each row: Dao et al. 2022 (arXiv
// 2205.14135), algorithm 4.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>

#include "kernels/ops/row_range.h"

namespace hylo::kernels {

struct PackedAttentionIn {
  at::Tensor q_NHK;
  at::Tensor k_NGK;  ///< same type as q
  at::Tensor v_NGV;
  std::span<const RowRange> sequences;
  double scale = 1;               ///< multiplies the scores
  std::optional<int64_t> window;  ///< a query sees this many keys, itself included
};

/// [N, H, V]: causal attention of each sequence over its own rows; head h reads key/value head
/// h / (H / G). Scores, softmax and sums in float32 (float64 for float64). Rows of no sequence are
/// zero. Differentiable in q, k and v, once; neither pass holds scores of more than a block. What is
/// not a number may reach rows of the same block of 64 that do not see it.
/// Throws Error when shapes or types disagree.
at::Tensor packed_attention(const PackedAttentionIn& in);

}  // namespace hylo::kernels
