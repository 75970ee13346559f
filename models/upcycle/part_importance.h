// How much each part of a dense network does, by its activations on texts.
// Source: Muralidharan et al. 2024 (arXiv 2407.14679), section 2.2: units, heads and channels by
// activations, layers by the influence of a block (there after arXiv 2403.03853). The formulas are
// known here from descriptions of the paper only.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/decoder/decoder.h"
#include "models/upcycle/dense_to_narrower.h"

namespace hylo::models {

/// Of each sequence the mean over its tokens, then the root of the sum of squares over sequences
/// (the way to add up that the source found best):
///   channel: the absolute value behind the norms, all layers together;
///   key/value head: the length of what its query heads give, before their gate, added up;
///   unit: the absolute value of silu(gate) up;
///   layer: 1 - cosine of what goes in and what comes out, the mean over all tokens instead.
/// The base must be one that narrower_config takes, with norms before its blocks. Memory: T x T
/// numbers for each head, so sequences are short. Throws Error otherwise, and for no sequences.
PartImportance part_importance(const Decoder& base,
                               std::span<const std::vector<int32_t>> sequences);

}  // namespace hylo::models
