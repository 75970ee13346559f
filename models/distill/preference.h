// Preferences: how much more likely a model finds the better of two texts than its reference does.
// Source: Rafailov et al. 2023 (arXiv 2305.18290), direct preference optimisation.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "models/distill/objective.h"
#include "models/distill/preference_pair.h"
#include "models/distill/token_documents.h"

namespace hylo::models {

/// margin = (log p - log ref of the chosen) - (log p - log ref of the rejected), in nats:
///   loss = -(1 - e) log sigmoid(beta margin) - e log sigmoid(-beta margin), e: label_smoothing.
struct PairLoss {
  double loss = 0;
  double slope = 0;  ///< d loss / d margin
};
PairLoss pair_loss(const Prefer& objective, double margin);

/// Of the labels of each sequence, summed, in nats; without gradient. `normed_ND` is what
/// forward() gave of the rows.
std::vector<double> log_likelihoods(const Decoder& model, const at::Tensor& normed_ND,
                                    const TrainingRows& rows);

/// Of the likelihoods of a chosen and a rejected text, from the model and from its reference.
double margin_of(std::span<const double, 2> model, std::span<const double, 2> reference);

/// Of every pair: [pairs, 2] float64, chosen and rejected. Calls hold at most max_rows rows, or one
/// pair. Costs a forward pass over all pairs.
at::Tensor reference_likelihoods(const Decoder& reference, const TokenDocuments& pairs,
                                 const PairLimits& limits, int64_t max_rows);

struct PreferenceScore {
  int64_t num_pairs = 0, num_labels = 0;
  double loss = 0;      ///< mean, nats a pair
  double margin = 0;    ///< mean, nats
  double accuracy = 0;  ///< share of pairs whose margin is above 0
};

/// Of pairs that nobody was trained on; `reference_P2` as reference_likelihoods gave it.
PreferenceScore score_preferences(const Decoder& model, const Prefer& objective,
                                  const TokenDocuments& pairs, const at::Tensor& reference_P2,
                                  int64_t context_length, int64_t max_rows);

}  // namespace hylo::models
