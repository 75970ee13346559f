// Attention within packed sequences and its gradients, on CPUs: vectorised by Highway and
// dispatched at run time. Shapes have been checked by the op that calls; the heads of a row are
// contiguous, rows may lie apart.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/ops/packed_attention.h"

namespace hylo::kernels::cpu {

/// Fills the rows of the sequences: out, and in `log_sums_HN` (of the type that computes) the log
/// of the sum of exponentials of each row's scores.
void packed_attention(const PackedAttentionIn& in, at::Tensor& out_NHV, at::Tensor& log_sums_HN);

/// Of the types of q, k and v, contiguous.
struct PackedAttentionGradients {
  at::Tensor q_NHK, k_NGK, v_NGV;
};

/// What a forward pass gave, and the gradient of its out; both contiguous.
struct PackedAttentionTrace {
  at::Tensor out_NHV, log_sums_HN, d_out_NHV;
};

/// Fills the rows of the sequences. Per thread a few blocks, and N (2 K + V) numbers of the type
/// that computes for the longest sequence of N rows.
void packed_attention_backward(const PackedAttentionIn& in, const PackedAttentionTrace& trace,
                               PackedAttentionGradients& gradients);

}  // namespace hylo::kernels::cpu
