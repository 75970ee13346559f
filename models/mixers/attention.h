// Attention layer of Llama, Mistral, Qwen and OLMo: projections, head norms, rotation, softmax
// attention, output gate.
// Source: huggingface/transformers, models/{llama,qwen2,qwen3,qwen3_next}/modeling_*.py.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/config/layer_spec.h"
#include "models/mixers/layer_call.h"
#include "models/weights/weights.h"

namespace hylo::models {

/// x_ND: normed input of the layer. Writes the keys and values of the new rows into their pages and
/// returns [N, D].
at::Tensor mix_tokens(const AttentionSpec& spec, const AttentionWeights& weights,
                      const at::Tensor& x_ND, const LayerCall& call);

}  // namespace hylo::models
