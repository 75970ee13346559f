// Attention layers of a few numbers, and students of them.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/tensor.h>

#include <string>
#include <vector>

#include "models/upcycle/upcycle.h"
#include "models/weights/checkpoint.h"
#include "tests/models/hybrids.h"

namespace hylo::models::tests {

inline at::Tensor matrix(const std::vector<double>& numbers, int64_t columns) {
  return at::tensor(numbers, at::kDouble).view({-1, columns});
}

inline double max_gap(const at::Tensor& a, const at::Tensor& b) {
  return at::sub(a.to(at::kDouble), b.to(at::kDouble)).abs().max().item<double>();
}

/// A teacher of attention layers, two key/value heads for four query heads of width 6, D = 15.
inline const AttentionSpec grouped{
    .num_heads = 4, .num_kv_heads = 2, .head_width = 6, .rope = {.width = 6}};

inline ModelConfig dense_teacher(const AttentionSpec& spec, int64_t num_layers = 2) {
  return config_of(std::vector<LayerSpec>(num_layers, {spec, dense}));
}

inline ModelConfig with_mixer(ModelConfig config, size_t layer, const MixerSpec& mixer) {
  config.layers.at(layer).mixer = mixer;
  return config;
}

/// MLA in place of `grouped`, of any ranks.
inline MlaSpec mla_of_grouped(int64_t query_rank, int64_t latent_rank) {
  return {.num_heads = 4,
          .num_kv_heads = 2,
          .latent_rank = latent_rank,
          .query_rank = query_rank,
          .nope_width = 4,
          .rope_width = 2,
          .value_width = 6,
          .scale = 0.4,
          .rope = {.width = 2}};
}

template <class Kind>
const Kind& mixer_of(const ModelWeights& weights, size_t layer) {
  return std::get<Kind>(weights.layers.at(layer).mixer);
}

}  // namespace hylo::models::tests
