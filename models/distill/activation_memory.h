// What training keeps of a layer between its forward and its backward pass, in bytes: counted from
// what the ops of kernels/torch and the mixers save, not measured.
#pragma once

#include <cstdint>

#include "models/config/model_config.h"

namespace hylo::models {

/// Rows of one pass, in sequences of one length, and the type that layers compute in.
struct PassShape {
  int64_t num_rows = 0;
  int64_t sequence_rows = 0;
  NumberType type = NumberType::Float32;
  [[nodiscard]] int64_t num_sequences() const {
    return (num_rows + sequence_rows - 1) / sequence_rows;
  }
};

/// Of one block of a layer: a norm and a mixer, or a norm and a feed-forward. All weights are
/// trained; with frozen ones less is kept.
struct BlockMemory {
  int64_t kept_bytes = 0;  ///< the block's input among it
  /// Most that exists beside `kept_bytes` at one time of the backward pass, gradients of weights
  /// left out; below 0 where what is freed outweighs what is made.
  int64_t backward_bytes = 0;
};

BlockMemory mixer_memory(const MixerSpec& mixer, int64_t model_width, const PassShape& pass);
/// Cosines and sines, which the layers of a pass share.
int64_t rotary_bytes(const MixerSpec& mixer, const PassShape& pass);
/// Zero where there is none.
BlockMemory feed_forward_memory(const FeedForwardSpec& feed_forward, int64_t model_width,
                                const PassShape& pass);

}  // namespace hylo::models
