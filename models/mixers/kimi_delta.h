// Kimi Delta Attention: the gated delta rule with a decay per key channel.
// Source: Kimi Team 2025 (arXiv 2510.26692); huggingface/transformers, models/kimi_linear.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/config/layer_spec.h"
#include "models/mixers/layer_call.h"
#include "models/weights/weights.h"

namespace hylo::models {

/// x_ND: normed input of the layer. Remembers the state after the last row of each sequence and
/// returns [N, D].
at::Tensor mix_tokens(const KimiDeltaSpec& spec, const KimiDeltaWeights& weights,
                      const at::Tensor& x_ND, const LayerCall& call);

}  // namespace hylo::models
