// Softmax attention over a slice of the keys, and how slices are put together.
// Source: Milakov, Gimelshein 2018 (arXiv 1805.02867).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace hylo::kernels {

struct PartialAttentionIn {
  at::Tensor q_NHK;       ///< queries at positions num_past, num_past + 1, ...
  at::Tensor keys_SGK;    ///< of positions 0 to S - 1: positions are counted from the slice's first
  at::Tensor values_SGV;  ///< all of one type
  int64_t num_past = 0;   ///< may be more than S
  double scale = 1;       ///< multiplies the scores
};

/// Weighted means over the keys that a query sees, and the logarithm of the sum of the exponentials
/// of its scores. Float32; float64 for float64.
struct PartialAttention {
  at::Tensor out_NHV, log_sum_NH;
};

/// Causal attention of one sequence over a slice. A row's bits depend on its own query, keys and
/// values alone, and over one slice of all keys are those of attention() before it rounds.
/// Throws Error when shapes disagree or a slice is empty.
PartialAttention partial_attention(const PartialAttentionIn& in);

/// Takes the part over further keys into the last rows of `whole`, in place:
///   L = log(exp(l_1) + exp(l_2)),  out = exp(l_1 - L) out_1 + exp(l_2 - L) out_2.
/// Rows that the part does not have keep their bits.
void merge_into(const PartialAttention& whole, const PartialAttention& part);

}  // namespace hylo::kernels
