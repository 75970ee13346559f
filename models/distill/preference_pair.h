// Two texts of one prompt, cut to the length that a stage has room for.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/distill/packed_batch.h"
#include "models/distill/token_documents.h"

namespace hylo::models {

struct PairLimits {
  int64_t context_length = 0;     ///< of either text
  int64_t max_prompt_tokens = 0;  ///< of a prompt where a text is too long; below context_length
};

struct PreferencePair {
  std::vector<TrainingToken> chosen, rejected;
  bool is_cut = false;
  [[nodiscard]] int64_t num_rows() const { return std::ssize(chosen) + std::ssize(rejected); }
};

/// Where the longer text does not fit, both lose the beginning of their prompt, down to
/// max_prompt_tokens, and then what is left over at their ends (as trl's DPO does).
PreferencePair pair_of(std::span<const TrainingToken> document, const PairLimits& limits);

void append_pair(PackedBatch& batch, const PreferencePair& pair, const PairPlace& place);

}  // namespace hylo::models
