// What a layer is, as plain data. A hybrid is a list of layers that is not uniform.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "models/config/rope_spec.h"

namespace hylo::models {

/// Softmax attention with grouped heads: H query heads, G key/value heads, width K.
struct AttentionSpec {
  int64_t num_heads = 0;     ///< H
  int64_t num_kv_heads = 0;  ///< G, divides H
  int64_t head_width = 0;    ///< K, of queries, keys and values
  bool input_bias = false;   ///< biases on q, k and v
  bool output_bias = false;  ///< bias on the output projection
  bool head_norms = false;   ///< RMS norm of each query and key head before the rotation (Qwen3)
  std::optional<int64_t> window;  ///< a query sees this many tokens, itself included
  RopeSpec rope;
  bool operator==(const AttentionSpec&) const = default;
};

struct SwiGluSpec {
  int64_t width = 0;  ///< F
  bool bias = false;
  bool operator==(const SwiGluSpec&) const = default;
};

using MixerSpec = std::variant<AttentionSpec>;
using FeedForwardSpec = std::variant<SwiGluSpec>;

struct LayerSpec {
  MixerSpec mixer;
  FeedForwardSpec feed_forward;
  bool operator==(const LayerSpec&) const = default;
};

}  // namespace hylo::models
