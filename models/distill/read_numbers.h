// Numbers of a recipe, with the bounds that most of them have.
#pragma once

#include <cstdint>

#include "harness/base/json.h"

namespace hylo::models {

/// Each throws Error, with the path of the key, for a number that is out of its bound.
int64_t read_count(JsonReader& reader, const char* key, int64_t at_least = 1);
int64_t read_count_or(JsonReader& reader, const char* key, int64_t otherwise);  ///< 0 or more
double read_from_0(JsonReader& reader, const char* key, double otherwise);

}  // namespace hylo::models
