#include "models/distill/packed_batch.h"

#include "kernels/ops/token_losses.h"

namespace hylo::models {

void append_sequence(PackedBatch& batch, std::span<const TrainingToken> text, int64_t begin,
                     int64_t num_rows) {
  const auto end = static_cast<size_t>(begin + num_rows);
  for (auto i = static_cast<size_t>(begin); i < end; ++i) {
    const bool counts = i + 1 < text.size() && text[i + 1].is_trained();
    batch.tokens_N.push_back(text[i].id());
    batch.labels_N.push_back(counts ? text[i + 1].id() : kernels::no_label);
    batch.num_labels += counts ? 1 : 0;
  }
  batch.sequence_rows.push_back(num_rows);
}

}  // namespace hylo::models
