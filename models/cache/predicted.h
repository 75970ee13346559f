// What a cache must weigh, from the configuration alone.
#pragma once

#include <cstdint>

#include "models/config/model_config.h"

namespace hylo::models {

struct CachePrediction {
  int64_t tokens = 0;         ///< length of the sequence
  int64_t element_bytes = 2;  ///< of the type in which it is kept
  int64_t page_tokens = 1;    ///< 1: exactly what the tokens need; else rounded up to whole pages
};

/// Bytes of one sequence over all layers. With page_tokens as in CacheOptions it equals
/// Cache::bytes().
int64_t predicted_bytes(const ModelConfig& config, const CachePrediction& prediction);
int64_t predicted_bytes(const MixerSpec& mixer, const CachePrediction& prediction);

}  // namespace hylo::models
