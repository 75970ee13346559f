// Attention to Discrete Mamba-2. No source gives a rule; this one is ours, by analogy with that to
// Mamba-2, and where heads differ, as published models have them, with that to Gated DeltaNet.
#pragma once

#include "models/upcycle/attention_rows.h"

namespace hylo::models {

/// Keys and values are repeated to all query heads. Then the first rows of x, B and C are those of
/// values, keys and queries, and the first columns of the output the teacher's, as many as both
/// have. Gate, decay, convolution and skip stay as they were initialised.
DiscreteMamba2Weights attention_to_discrete_mamba2(const AttentionTeacher& teacher,
                                                   const DiscreteMamba2Spec& student,
                                                   DiscreteMamba2Weights initial);

}  // namespace hylo::models
