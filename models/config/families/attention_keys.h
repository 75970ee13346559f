// The attention layers of config.json, as most families spell them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/config/families/rope_keys.h"
#include "models/config/model_config.h"

namespace hylo::models {

struct AttentionDefaults {
  std::optional<int64_t> num_kv_heads;  ///< nothing: as many as query heads
  std::optional<int64_t> head_width;    ///< nothing: the model's width over the heads
  RopeDefaults rope;
  bool rotates = true;  ///< false: rotary keys are not read and positions not used
};

/// Heads, widths, biases (attention_bias on all four projections) and rotation; no window.
AttentionSpec read_attention(JsonReader& reader, int64_t model_width,
                             const AttentionDefaults& defaults);

/// sliding_window, where it is given.
std::optional<int64_t> read_window(JsonReader& reader);

}  // namespace hylo::models
