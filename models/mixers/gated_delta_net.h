// Gated DeltaNet, with projections apart (flash-linear-attention, HyLo) or grouped by key head.
// Sources: fla-org/flash-linear-attention, fla/layers/gated_deltanet.py; huggingface/transformers,
// models/qwen3_next.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/config/layer_spec.h"
#include "models/mixers/layer_call.h"
#include "models/weights/weights.h"

namespace hylo::models {

/// x_ND: normed input of the layer. Remembers the state after the last row of each sequence and
/// returns [N, D].
at::Tensor mix_tokens(const GatedDeltaSpec& spec, const GatedDeltaWeights& weights,
                      const at::Tensor& x_ND, const LayerCall& call);

}  // namespace hylo::models
