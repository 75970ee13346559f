// The tensors of a network as plain structs, and the one walk over them: loading, saving, counting
// and shape checks all go through visit_weights.
#pragma once

#include <ATen/core/Tensor.h>
#include <fmt/core.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "harness/base/overloaded.h"
#include "models/config/model_config.h"

namespace hylo::models {

struct LinearWeights {
  at::Tensor weight_OI;
  at::Tensor bias_O;  ///< undefined: none
};
struct AttentionWeights {
  LinearWeights query, key, value, output;
  at::Tensor query_norm_K, key_norm_K;  ///< undefined without head norms
};
struct SwiGluWeights {
  LinearWeights gate, up, down;
};
using MixerWeights = std::variant<AttentionWeights>;
using FeedForwardWeights = std::variant<SwiGluWeights>;

struct LayerWeights {
  at::Tensor mixer_norm_D;
  MixerWeights mixer;
  at::Tensor feed_forward_norm_D;
  FeedForwardWeights feed_forward;
};
struct ModelWeights {
  at::Tensor embedding_WD;
  std::vector<LayerWeights> layers;
  at::Tensor final_norm_D;
  at::Tensor head_WD;  ///< undefined when tied to the embedding
};

/// One tensor as the configuration wants it. Names are ours: "layers.3.mixer.query.weight".
struct WeightSlot {
  std::string name;
  std::vector<int64_t> shape;
};

/// The alternatives that the configuration names, every tensor undefined.
ModelWeights empty_weights(const ModelConfig& config);

/// Parameters of a configuration; a tied head counts once. Allocates nothing.
int64_t count_parameters(const ModelConfig& config);

template <class Weights, class Visit>
void visit_linear(const std::string& name, int64_t out, int64_t in, bool bias, Weights& weights,
                  Visit& visit) {
  visit(WeightSlot{name + ".weight", {out, in}}, weights.weight_OI);
  if (bias) visit(WeightSlot{name + ".bias", {out}}, weights.bias_O);
}

template <class Weights, class Visit>
void visit_mixer(const AttentionSpec& s, const std::string& name, int64_t width, Weights& w,
                 Visit& visit) {
  const int64_t queries = s.num_heads * s.head_width, keys = s.num_kv_heads * s.head_width;
  visit_linear(name + ".query", queries, width, s.input_bias, w.query, visit);
  visit_linear(name + ".key", keys, width, s.input_bias, w.key, visit);
  visit_linear(name + ".value", keys, width, s.input_bias, w.value, visit);
  visit_linear(name + ".output", width, queries, s.output_bias, w.output, visit);
  if (s.head_norms) {
    visit(WeightSlot{name + ".query_norm.weight", {s.head_width}}, w.query_norm_K);
    visit(WeightSlot{name + ".key_norm.weight", {s.head_width}}, w.key_norm_K);
  }
}

template <class Weights, class Visit>
void visit_feed_forward(const SwiGluSpec& s, const std::string& name, int64_t width, Weights& w,
                        Visit& visit) {
  visit_linear(name + ".gate", s.width, width, s.bias, w.gate, visit);
  visit_linear(name + ".up", s.width, width, s.bias, w.up, visit);
  visit_linear(name + ".down", width, s.width, s.bias, w.down, visit);
}

/// Calls visit(WeightSlot, at::Tensor&) for every tensor of the model, in the order of the network.
/// `weights` is ModelWeights, const or not, with the alternatives of the configuration.
template <class Weights, class Visit>
void visit_weights(const ModelConfig& config, Weights& weights, Visit visit) {
  visit(WeightSlot{"embedding.weight", {config.vocabulary_size, config.width}},
        weights.embedding_WD);
  for (size_t i = 0; i < config.layers.size(); ++i) {
    const auto name = fmt::format("layers.{}", i);
    auto& layer = weights.layers.at(i);
    visit(WeightSlot{name + ".mixer_norm.weight", {config.width}}, layer.mixer_norm_D);
    std::visit(overloaded{[&](const AttentionSpec& spec, auto& w) {
                 visit_mixer(spec, name + ".mixer", config.width, w, visit);
               }},
               config.layers[i].mixer, layer.mixer);
    visit(WeightSlot{name + ".feed_forward_norm.weight", {config.width}},
          layer.feed_forward_norm_D);
    std::visit(overloaded{[&](const SwiGluSpec& spec, auto& w) {
                 visit_feed_forward(spec, name + ".feed_forward", config.width, w, visit);
               }},
               config.layers[i].feed_forward, layer.feed_forward);
  }
  visit(WeightSlot{"final_norm.weight", {config.width}}, weights.final_norm_D);
  if (!config.tied_head) {
    visit(WeightSlot{"head.weight", {config.vocabulary_size, config.width}}, weights.head_WD);
  }
}

}  // namespace hylo::models
