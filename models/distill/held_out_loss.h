// How well a model predicts documents that it was not trained on.
#pragma once

#include <cstdint>
#include <vector>

#include "models/decoder/decoder.h"
#include "models/distill/token_stream.h"

namespace hylo::models {

struct DocumentLoss {
  int64_t num_labels = 0;
  double nats = 0;  ///< the sum over its labels
  bool operator==(const DocumentLoss&) const = default;
};

struct HeldOutLoss {
  int64_t num_labels = 0;
  double cross_entropy = 0;             ///< mean, nats a label
  std::vector<DocumentLoss> documents;  ///< in order; empty where it was read from a file
  [[nodiscard]] double perplexity() const;
};

/// Over all documents of the walk, from their beginning, in packed calls without caches.
HeldOutLoss held_out_loss(const Decoder& model, TokenWalk& walk);

}  // namespace hylo::models
