// What a layer is told about the call that it is part of.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/ops/attention.h"
#include "kernels/ops/linear.h"
#include "kernels/ops/row_range.h"
#include "models/cache/cache.h"
#include "models/config/model_config.h"
#include "models/decoder/rotary_tables.h"

namespace hylo::models {

struct LayerCall {
  std::span<const kernels::PagedRows> sequences;  ///< rows, past and pages of this layer
  std::span<const kernels::RowRange> rows;        ///< the same rows
  PagePool& pages;
  const RotaryTables* rotary = nullptr;  ///< for this layer's frequencies; null: it has none
  RotaryPrecision rotary_precision = RotaryPrecision::Exact;
  NormSpec norm;
  kernels::RowGroups groups = kernels::RowGroups::Free;
};

}  // namespace hylo::models
