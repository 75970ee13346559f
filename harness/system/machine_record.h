// Where something ran, as it is stored.
#pragma once

#include "harness/base/json.h"

namespace hylo::harness {

/// Host, system, release and architecture.
OrderedJson machine_json();

/// Memory of this process that is resident now, in bytes.
int64_t resident_bytes();

}  // namespace hylo::harness
