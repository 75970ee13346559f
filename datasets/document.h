// One item of a data set.
#pragma once

#include <cstdint>

#include "harness/base/json.h"

namespace hylo::datasets {

struct Document {
  int64_t index = 0;  ///< its number in its file, from 0
  Json fields;        ///< an object
};

}  // namespace hylo::datasets
