// JetBlock: the gated delta rule behind a convolution whose taps come from the input.
// Source: Jet-Nemotron (arXiv 2508.15884); NVlabs/Jet-Nemotron, jetai/modeling/hf/jet_block.py.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/config/layer_spec.h"
#include "models/mixers/layer_call.h"
#include "models/weights/weights.h"

namespace hylo::models {

/// x_ND: normed input of the layer. Remembers the state after the last row of each sequence and
/// returns [N, D].
at::Tensor mix_tokens(const JetBlockSpec& spec, const JetBlockWeights& weights,
                      const at::Tensor& x_ND, const LayerCall& call);

}  // namespace hylo::models
