// What kernels/ops/partial_attention.cpp runs on CPUs; shapes have been checked.
#pragma once

#include "kernels/ops/attention.h"
#include "kernels/ops/partial_attention.h"

namespace hylo::kernels::cpu {

/// `in`: one sequence, of whose keys the first `num_keys` are there. `part` is filled.
void partial_attention(const AttentionIn& in, int64_t num_keys, const PartialAttention& part);
void merge_attention(const PartialAttention& whole, const PartialAttention& part);

}  // namespace hylo::kernels::cpu
