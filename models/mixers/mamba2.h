// Mamba-2, in its standard form, in the attention-shaped one of HyLo and Zebra-Llama, and discrete.
// Sources: state-spaces/mamba, mamba_ssm/modules/mamba2.py; AMD-AGI/AMD-Hybrid-Models,
// Zebra-Llama/hybrid/mamba2; cartesia-ai/edge, Llamba/mixers/discrete_mamba2.py.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/config/layer_spec.h"
#include "models/mixers/layer_call.h"
#include "models/weights/weights.h"

namespace hylo::models {

/// x_ND: normed input of the layer. Remembers the state after the last row of each sequence and
/// returns [N, D].
at::Tensor mix_tokens(const Mamba2Spec& spec, const Mamba2Weights& weights, const at::Tensor& x_ND,
                      const LayerCall& call);
at::Tensor mix_tokens(const DiscreteMamba2Spec& spec, const DiscreteMamba2Weights& weights,
                      const at::Tensor& x_ND, const LayerCall& call);

}  // namespace hylo::models
