// What a cache must weigh, from the configuration alone.
#pragma once

#include <cstdint>

#include "models/config/model_config.h"

namespace hylo::models {

struct CachePrediction {
  int64_t tokens = 0;         ///< length of the sequence
  int64_t element_bytes = 2;  ///< of the type in which it is kept; recurrent states have 4 or more
  int64_t page_tokens = 1;    ///< 1: exactly what the tokens need; else rounded up to whole pages
};

/// Bytes of one sequence. A sequence without tokens weighs nothing.
struct CacheBytes {
  int64_t pages = 0;   ///< keys and values, or latents: what grows with the tokens
  int64_t states = 0;  ///< recurrent states and convolution tails: constant
  [[nodiscard]] int64_t total() const { return pages + states; }
};

/// Over all layers. With page_tokens as in CacheOptions the total equals Cache::bytes().
CacheBytes predicted_bytes(const ModelConfig& config, const CachePrediction& prediction);
CacheBytes predicted_bytes(const MixerSpec& mixer, const CachePrediction& prediction);

}  // namespace hylo::models
