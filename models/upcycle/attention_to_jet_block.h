// Attention to JetBlock. No source gives a rule; this one is ours, by analogy with that to Gated
// DeltaNet, from which JetBlock differs in its convolution.
#pragma once

#include "models/upcycle/attention_rows.h"

namespace hylo::models {

/// Keys and values are repeated to all query heads. Then the first rows of queries, keys and values
/// and the first columns of the output are the teacher's, as many as both have. All else, the
/// generator of the convolution too, stays as it was initialised.
JetBlockWeights attention_to_jet_block(const AttentionTeacher& teacher, JetBlockWeights initial);

}  // namespace hylo::models
