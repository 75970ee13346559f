// What the keys and values of needles are called and look like, in both modes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tasks/ruler/ruler_spec.h"

namespace hylo::tasks::ruler {

/// As the prompts name it: words, numbers or uuids.
std::string_view name_of(NeedlePart part);

/// 128 bits written as a UUID; four of them are set to say version 4, two the variant of RFC 4122.
std::string version_4_uuid(uint64_t high, uint64_t low);

}  // namespace hylo::tasks::ruler
