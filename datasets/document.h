// One item of a data set.
#pragma once

#include <cstdint>
#include <string>

#include "harness/base/json.h"

namespace hylo::datasets {

struct Document {
  int64_t index = 0;  ///< its number in its file, from 0
  Json fields;        ///< an object
  std::string where;  ///< "FILE:LINE", or the file alone; empty where it was made, not read
};

}  // namespace hylo::datasets
