// The closed table of conversions: which mixer of a teacher may become which of a student.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/upcycle/attention_to_mla.h"
#include "models/weights/mixer_weights.h"

namespace hylo::models {

/// Whether a student's mixer takes the teacher's tensors over as they are: the same mixer, but for
/// the window, frequencies and scale of attention and MLA, which are not in the tensors.
bool keeps_tensors(const MixerSpec& teacher, const MixerSpec& student);

/// Throws Error when a mixer that keeps no tensors does not follow from the teacher's: there is no
/// rule for the pair (the text names the rules there are), or a key is not as the rule wants it.
/// `where` opens messages.
void check_conversion(const MixerSpec& teacher, const MixerSpec& student, int64_t model_width,
                      const std::string& where);

/// What of the teacher's mixer the student's has no place for, a phrase each: "the biases of
/// queries, keys and values".
std::vector<std::string> dropped_by_conversion(const MixerSpec& teacher, const MixerSpec& student);

/// A pair that passed the check. `initial` has the student's alternative, every tensor defined;
/// what no rule sets stays as it is there. Tensors may share memory with `weights`.
MixerWeights convert_mixer(const MixerSpec& teacher, const MixerWeights& weights,
                           const MixerSpec& student, MixerWeights initial, RopeRows rope_rows);

}  // namespace hylo::models
