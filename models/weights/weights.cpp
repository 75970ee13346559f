#include "models/weights/weights.h"

namespace hylo::models {

ModelWeights empty_weights(const ModelConfig& config) {
  ModelWeights weights;
  for (const auto& layer : config.layers) {
    weights.layers.push_back(
        {.mixer_norm_D = {},
         .mixer = std::visit(
             overloaded{[](const AttentionSpec&) -> MixerWeights { return AttentionWeights{}; }},
             layer.mixer),
         .feed_forward_norm_D = {},
         .feed_forward = std::visit(
             overloaded{[](const SwiGluSpec&) -> FeedForwardWeights { return SwiGluWeights{}; }},
             layer.feed_forward)});
  }
  return weights;
}

int64_t count_parameters(const ModelConfig& config) {
  auto weights = empty_weights(config);
  int64_t total = 0;
  visit_weights(config, weights, [&](const WeightSlot& slot, at::Tensor&) {
    int64_t size = 1;
    for (const int64_t width : slot.shape) size *= width;
    total += size;
  });
  return total;
}

}  // namespace hylo::models
