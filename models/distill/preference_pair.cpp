#include "models/distill/preference_pair.h"

#include <algorithm>

#include "harness/base/error.h"

namespace hylo::models {
namespace {

int64_t prompt_tokens(std::span<const TrainingToken> text) {
  return std::ranges::find_if(text, &TrainingToken::is_trained) - text.begin();
}

/// The end of the prompt, and what fits behind it. Prompts of the two texts may differ in their
/// last tokens, where one joins prompt and completion.
std::vector<TrainingToken> shortened(std::span<const TrainingToken> text,
                                     const PairLimits& limits) {
  const auto dropped = std::max<int64_t>(0, prompt_tokens(text) - limits.max_prompt_tokens);
  const auto kept = text.subspan(static_cast<size_t>(dropped));
  return {kept.begin(), kept.begin() + std::min(std::ssize(kept), limits.context_length)};
}

}  // namespace

PreferencePair pair_of(std::span<const TrainingToken> document, const PairLimits& limits) {
  const auto border = std::ranges::find_if(document, &TrainingToken::begins_rejected);
  invariant(border != document.end(), "a document of {} tokens is no pair", document.size());
  const std::span chosen(document.begin(), border), rejected(border, document.end());
  const auto longest = std::max(std::ssize(chosen), std::ssize(rejected));
  if (longest <= limits.context_length) {
    return {{chosen.begin(), chosen.end()}, {rejected.begin(), rejected.end()}};
  }
  return {
      .chosen = shortened(chosen, limits), .rejected = shortened(rejected, limits), .is_cut = true};
}

void append_pair(PackedBatch& batch, const PreferencePair& pair, const PairPlace& place) {
  append_sequence(batch, pair.chosen, 0, std::ssize(pair.chosen));
  append_sequence(batch, pair.rejected, 0, std::ssize(pair.rejected));
  batch.pairs.push_back(place);
  batch.num_cut_pairs += pair.is_cut ? 1 : 0;
  ++batch.num_documents;
}

}  // namespace hylo::models
