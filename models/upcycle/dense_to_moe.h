// A dense feed-forward into a mixture of experts: sparse upcycling.
// Sources: Komatsuzaki et al. 2022 (arXiv 2212.05055), copies; Drop-Upcycling (arXiv 2502.19261)
// and Taishi-N324/Drop-Upcycling, conversions/, noise and units drawn anew.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "models/weights/feed_forward_weights.h"

namespace hylo::models {

struct SparseUpcycling {
  double router_deviation = 0.02;  ///< of the router's normal weights
  double noise_deviation = 0;      ///< of what is added to units of each expert; 0: nothing
  double noise_share = 0.5;        ///< of an expert's units that get noise
  /// Of an expert's units that are drawn anew, another set for each: rows of gate and up and
  /// columns of down, normal with mean and deviation of what they replace in that tensor.
  double drop_share = 0;
  bool operator==(const SparseUpcycling&) const = default;
};

/// What a token's weights add up to, those of its experts and of the shared one: of routers that
/// normalise whatever the logits are, of others where all logits are 0.
double total_weight(const MoeSpec& spec);

/// Throws Error, naming key, expected and found, unless experts, and the shared one if there is
/// one, are as wide as the dense feed-forward, which must have no biases. `where` opens messages.
void check_dense_to_moe(const SwiGluSpec& teacher, const MoeSpec& student,
                        const std::string& where);

/// Every expert a copy, the shared one too, with down-projections divided by total_weight(): with a
/// router that normalises, and neither noise nor units drawn anew, the mixture gives what the dense
/// feed-forward gives, but for rounding. Other routers give it where their logits are 0, and
/// otherwise its direction with another length for each token. The shared expert gets neither noise
/// nor new units; its gate begins with weights 0, as does a selection bias.
///
/// A pair that passed the check. Draws depend on seed, names and shapes alone; `name` opens the
/// names of the tensors ("layers.3.feed_forward"). No tensor shares memory with another. Throws
/// Error for options that cannot be.
MoeWeights dense_to_moe(const SwiGluWeights& teacher, const MoeSpec& student,
                        const std::string& name, uint64_t seed, const SparseUpcycling& options);

}  // namespace hylo::models
