// What a mixer does to tokens, as a matrix: row t says with what weight each token's value reaches
// token t. Linear mixers and attention are alike in this.
// Source: Bick et al. 2024 (arXiv 2408.10189), MOHAWK, section 4.1.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <span>

#include "models/config/layer_spec.h"
#include "models/mixers/layer_call.h"
#include "models/weights/weights.h"

namespace hylo::models {

/// [N, H, T] for a call without memory, T the rows of the longest sequence: column s is the token s
/// of the row's own sequence. Of attention the probabilities; of Mamba-2 q_t k_s and the decays
/// between, times the step size, and the skip on the diagonal; of the delta rule what it gives for
/// values that are unit vectors. Convolutions, gates and norms are outside. float32 (float64 for
/// float64; attention's in the type of x). Differentiable. Memory: N x H x T numbers.
at::Tensor mixing_rows(const AttentionSpec& spec, const AttentionWeights& weights,
                       const at::Tensor& x_ND, const LayerCall& call);
at::Tensor mixing_rows(const Mamba2Spec& spec, const Mamba2Weights& weights, const at::Tensor& x_ND,
                       const LayerCall& call);
at::Tensor mixing_rows(const DiscreteMamba2Spec& spec, const DiscreteMamba2Weights& weights,
                       const at::Tensor& x_ND, const LayerCall& call);
at::Tensor mixing_rows(const GatedDeltaSpec& spec, const GatedDeltaWeights& weights,
                       const at::Tensor& x_ND, const LayerCall& call);

/// Heads whose matrices mixing_rows gives; nothing for other mixers.
std::optional<int64_t> num_mixing_heads(const MixerSpec& mixer);

/// Values that show where they went: [N, heads, T], 1 at the row's place in its sequence.
at::Tensor places_as_values(const at::Tensor& like_ND, int64_t heads,
                            std::span<const kernels::RowRange> sequences);

}  // namespace hylo::models
