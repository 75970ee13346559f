// Attention to Mamba-2 of the same heads: x from the values, B from the keys, C from the queries.
// Source: MambaInLlama (arXiv 2408.15237); AMD-AGI/AMD-Hybrid-Models,
// Zebra-Llama/hybrid/hybrid_wrapper.py.
#pragma once

#include <string>

#include "models/upcycle/attention_rows.h"

namespace hylo::models {

/// Throws Error, naming key, expected and found, unless heads and widths are those of the
/// attention. `where` opens messages.
void check_attention_to_mamba2(const AttentionSpec& teacher, const Mamba2Spec& student,
                               const std::string& where);

/// Rows x <- W_V, B <- W_K, C <- W_Q, output <- W_O, bit by bit; x and B of more heads than the
/// teacher's are its heads, repeated. Gate, step size, convolution, decay, skip and norm stay as
/// they were initialised.
Mamba2Weights attention_to_mamba2(const AttentionTeacher& teacher, const Mamba2Spec& student,
                                  Mamba2Weights initial);

}  // namespace hylo::models
