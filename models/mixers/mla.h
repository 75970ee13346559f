// Multi-head latent attention over a cache of latents.
// Source: DeepSeek-V2 (arXiv 2405.04434) section 2.1; HyLo's form with fewer key/value heads:
// AMD-AGI/AMD-Hybrid-Models, Zebra-Llama/hybrid/mla.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/config/layer_spec.h"
#include "models/mixers/layer_call.h"
#include "models/weights/weights.h"

namespace hylo::models {

/// x_ND: normed input of the layer. Remembers a latent and a rotated key per row and returns [N,
/// D].
at::Tensor mix_tokens(const MlaSpec& spec, const MlaWeights& weights, const at::Tensor& x_ND,
                      const LayerCall& call);

/// Whether keys and values are made from the latents for a call, or queries are taken into the
/// space of the latents. The first costs per remembered token, the second per pair of tokens.
enum class MlaForm { Expanded, Absorbed };

/// What mix_tokens chooses for `num_rows` new rows, whatever stands before them: both costs grow
/// with the past, and expanded keys and values are there a slice at a time. With fixed row groups
/// the choice does not depend on the call.
MlaForm mla_form(const MlaSpec& spec, int64_t num_rows, kernels::RowGroups groups);

}  // namespace hylo::models
