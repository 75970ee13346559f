// The tensors of a network as plain structs, and the one walk over them: loading, saving, counting
// and shape checks all go through visit_weights.
#pragma once

#include <ATen/core/Tensor.h>
#include <fmt/core.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "models/config/model_config.h"
#include "models/weights/feed_forward_weights.h"
#include "models/weights/mixer_weights.h"

namespace hylo::models {

struct LayerWeights {
  at::Tensor mixer_norm_D;
  MixerWeights mixer;
  at::Tensor feed_forward_norm_D;  ///< undefined without a feed-forward
  FeedForwardWeights feed_forward;
};
struct ModelWeights {
  at::Tensor embedding_WD;
  std::vector<LayerWeights> layers;
  at::Tensor final_norm_D;
  at::Tensor head_WD;  ///< undefined when tied to the embedding
};

/// The alternatives that the configuration names, every tensor undefined.
ModelWeights empty_weights(const ModelConfig& config);

/// Parameters of a configuration; a tied head counts once. Allocates nothing.
int64_t count_parameters(const ModelConfig& config);

/// Weights of a layer's kind, one alternative of `specs` beside the same of `weights`: calls
/// call(spec, weights).
template <class Specs, class Weights, class Call>
decltype(auto) with_weights(const Specs& specs, Weights& weights, Call&& call) {
  return std::visit(
      [&](const auto& spec) -> decltype(auto) {
        using Kind = typename WeightsOf<std::decay_t<decltype(spec)>>::type;
        return call(spec, std::get<Kind>(weights));
      },
      specs);
}

/// Calls visit(WeightSlot, at::Tensor&) for every tensor of the model, in the order of the network.
/// `weights` is ModelWeights, const or not, with the alternatives of the configuration.
template <class Weights, class Visit>
void visit_weights(const ModelConfig& config, Weights& weights, Visit visit) {
  visit(WeightSlot{"embedding.weight", {config.vocabulary_size, config.width}},
        weights.embedding_WD);
  for (size_t i = 0; i < config.layers.size(); ++i) {
    const auto name = fmt::format("layers.{}", i);
    const auto& spec = config.layers[i];
    auto& layer = weights.layers.at(i);
    visit(WeightSlot{name + ".mixer_norm.weight", {config.width}}, layer.mixer_norm_D);
    with_weights(spec.mixer, layer.mixer, [&](const auto& mixer, auto& w) {
      visit_mixer(mixer, name + ".mixer", config.width, w, visit);
    });
    if (!std::holds_alternative<NoFeedForward>(spec.feed_forward)) {
      visit(WeightSlot{name + ".feed_forward_norm.weight", {config.width}},
            layer.feed_forward_norm_D);
    }
    with_weights(spec.feed_forward, layer.feed_forward, [&](const auto& feed_forward, auto& w) {
      visit_feed_forward(feed_forward, name + ".feed_forward", config.width, w, visit);
    });
  }
  visit(WeightSlot{"final_norm.weight", {config.width}}, weights.final_norm_D);
  if (!config.tied_head) {
    visit(WeightSlot{"head.weight", {config.vocabulary_size, config.width}}, weights.head_WD);
  }
}

}  // namespace hylo::models
