// Attention to Gated DeltaNet of any widths: the sub-matrices that overlap.
// Source: AMD-AGI/Primus, primus/backends/megatron/checkpoint/hybrid_upcycle.py, a port of HyLo's
// initialisation.
#pragma once

#include <string>

#include "models/upcycle/attention_rows.h"

namespace hylo::models {

/// Throws Error for packed projections, into which no source copies. `where` opens messages.
void check_attention_to_gated_delta(const GatedDeltaSpec& student, const std::string& where);

/// Keys and values are repeated to all query heads. Then the first rows of queries, keys and values
/// and the first columns of the output are the teacher's, as many as both have; heads need not line
/// up. All else stays as it was initialised.
GatedDeltaWeights attention_to_gated_delta(const AttentionTeacher& teacher,
                                           GatedDeltaWeights initial);

}  // namespace hylo::models
