// What a layer is told about the call that it is part of.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/ops/attention.h"
#include "kernels/ops/linear.h"
#include "models/cache/cache.h"
#include "models/decoder/rotary_tables.h"

namespace hylo::models {

struct LayerCall {
  std::span<const kernels::PagedRows> sequences;  ///< rows, past and pages of this layer
  PagePool& pages;
  const RotaryTables& rotary;  ///< for this layer's frequencies
  kernels::RowGroups groups = kernels::RowGroups::Free;
};

}  // namespace hylo::models
