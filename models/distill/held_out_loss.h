// How well a model predicts documents that it was not trained on.
#pragma once

#include <cstdint>

#include "models/decoder/decoder.h"
#include "models/distill/token_stream.h"

namespace hylo::models {

struct HeldOutLoss {
  int64_t num_labels = 0;
  double cross_entropy = 0;  ///< mean, nats a label
  [[nodiscard]] double perplexity() const;
};

/// Over all documents of the walk, from their beginning, in packed calls without caches.
HeldOutLoss held_out_loss(const Decoder& model, TokenWalk& walk);

}  // namespace hylo::models
