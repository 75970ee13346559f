// The tensors that a spec has, by name and shape, to hold a student's against its teacher's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/config/layer_spec.h"
#include "models/weights/linear_weights.h"

namespace hylo::models {

using Slots = std::vector<WeightSlot>;

/// Tensors of a mixer or a feed-forward; `name` opens their names.
Slots mixer_slots(const MixerSpec& spec, const std::string& name, int64_t model_width);
Slots feed_forward_slots(const FeedForwardSpec& spec, const std::string& name, int64_t model_width);

/// Throws Error naming the first tensor that one side has not, or has in another shape.
void check_same_slots(const Slots& teacher, const Slots& student);

}  // namespace hylo::models
