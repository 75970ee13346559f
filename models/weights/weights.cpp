#include "models/weights/weights.h"

#include "harness/base/overloaded.h"

namespace hylo::models {
namespace {

MixerWeights empty(const MixerSpec& mixer) {
  return std::visit(
      [](const auto& spec) -> MixerWeights {
        return typename WeightsOf<std::decay_t<decltype(spec)>>::type{};
      },
      mixer);
}

FeedForwardWeights empty(const FeedForwardSpec& feed_forward) {
  return std::visit(
      overloaded{[](const NoFeedForward&) -> FeedForwardWeights { return NoWeights{}; },
                 [](const SwiGluSpec&) -> FeedForwardWeights { return SwiGluWeights{}; },
                 [](const MoeSpec& spec) -> FeedForwardWeights {
                   MoeWeights weights;
                   weights.experts.resize(spec.num_experts);
                   return weights;
                 }},
      feed_forward);
}

}  // namespace

ModelWeights empty_weights(const ModelConfig& config) {
  ModelWeights weights;
  for (const auto& layer : config.layers) {
    weights.layers.push_back({.mixer_norm_D = {},
                              .mixer = empty(layer.mixer),
                              .feed_forward_norm_D = {},
                              .feed_forward = empty(layer.feed_forward)});
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
