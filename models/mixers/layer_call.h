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

struct RecurrentMemory;

struct LayerCall {
  /// Rows, past and pages of this layer; empty where nothing is remembered.
  std::span<const kernels::PagedRows> sequences;
  std::span<const kernels::RowRange> rows;  ///< of each sequence
  /// Null where nothing is remembered: every sequence begins and ends in this call, and the layer
  /// can be trained through.
  PagePool* pages = nullptr;
  /// Where nothing is remembered: what stands before the first rows of a recurrent layer, a state
  /// per sequence and no slots; it is left as it is. Null: zeros.
  const RecurrentMemory* start = nullptr;
  const RotaryTables* rotary = nullptr;  ///< for this layer's frequencies; null: it has none
  RotaryPrecision rotary_precision = RotaryPrecision::Exact;
  NormSpec norm;
  kernels::RowGroups groups = kernels::RowGroups::Free;
};

}  // namespace hylo::models
