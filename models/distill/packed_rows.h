// Rows of one call that nothing is remembered of, and what losses are fused with.
#pragma once

#include <ATen/ops/tensor.h>

#include <cstdint>
#include <span>

#include "kernels/ops/token_losses.h"
#include "models/decoder/decoder.h"
#include "models/distill/objective.h"

namespace hylo::models {

/// Sequences of so many rows, one after another, each of which begins and ends in the call.
inline Batch packed_batch(std::span<const int64_t> sequence_rows) {
  Batch batch;
  for (const int64_t count : sequence_rows) batch.sequences.push_back({nullptr, count});
  return batch;
}

inline at::Tensor labels_of(const TrainingRows& rows) {
  return at::tensor(c10::ArrayRef<int64_t>(rows.labels_N.data(), rows.labels_N.size()), at::kLong);
}

/// The last projection, of rows that forward() gave.
inline kernels::Projection last_projection(const Decoder& model, const at::Tensor& normed_ND) {
  return {normed_ND, model.head(), model.config().logits_scale};
}

}  // namespace hylo::models
