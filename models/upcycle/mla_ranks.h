// Ranks of MLA from the energy of the singular values that they keep.
// Source: X-EcoMLA (arXiv 2503.11132), AMD-AGI/AMD-Hybrid-Models, X-EcoMLA/, dynamic ranks.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "models/upcycle/attention_rows.h"

namespace hylo::models {

struct MlaRanks {
  int64_t query_rank = 0, latent_rank = 0;
  bool operator==(const MlaRanks&) const = default;
};

/// How many of the first values hold at most `energy` (above 0, at most 1) of the sum of squares,
/// at least 1, rounded up to a multiple of 8 where there are as many values.
int64_t rank_by_energy(const at::Tensor& singular_values_N, double energy);

/// The ranks of a layer, of W_Q and of [W_K; W_V] with keys and values repeated to all query heads,
/// as X-EcoMLA has them. Decomposes both in float64.
MlaRanks ranks_by_energy(const AttentionTeacher& teacher, double energy);

}  // namespace hylo::models
