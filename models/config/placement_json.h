// Placements as people write them in recipes and on the command line.
#pragma once

#include <string>

#include "harness/base/json.h"
#include "models/config/placement.h"

namespace hylo::models {

/// A mixer of this kind in the place of an attention layer: heads, widths and frequencies that
/// follow from it. What does not follow (ranks of latents, heads of a JetBlock) is 0 and must be
/// named. MLA: half of each head is rotated, as in the published models, or one dim less where that
/// is odd. Throws Error for a kind that nothing is converted to.
MixerSpec mixer_in_place_of(const AttentionSpec& attention, int64_t model_width,
                            const std::string& kind);

/// A list of {"layers": WHICH, "mixer": {"kind": KIND, ...}}. WHICH: [0, 5], {"every": 3, "first":
/// 2}, "even", or "rest", once. Fields of the mixer that are not named follow from the teacher's
/// attention of the first of those layers. Throws Error with the path of what cannot be.
Placement read_placement(const Json& json, const std::string& path, const ModelConfig& teacher);

}  // namespace hylo::models
