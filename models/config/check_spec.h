// Whether the numbers of a layer can be: sizes above 0, heads that divide.
#pragma once

#include <string>

#include "models/config/layer_spec.h"

namespace hylo::models {

/// Throws Error naming field and values; `where` is how messages name the mixer.
void check_mixer(const MixerSpec& mixer, const std::string& where);
void check_feed_forward(const FeedForwardSpec& feed_forward, const std::string& where);

}  // namespace hylo::models
