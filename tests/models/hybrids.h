// Small hybrids for tests: every kind of layer, with widths and heads that are no round numbers.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/base/random.h"
#include "models/config/model_config.h"
#include "models/weights/checkpoint.h"

namespace hylo::models::tests {

inline const AttentionSpec attention{
    .num_heads = 3, .num_kv_heads = 1, .head_width = 6, .rope = {.width = 6}};
inline const MlaSpec mla{.num_heads = 4,
                         .num_kv_heads = 2,
                         .latent_rank = 5,
                         .query_rank = 7,
                         .nope_width = 4,
                         .rope_width = 2,
                         .value_width = 3,
                         .scale = 0.4,
                         .rope = {.width = 2}};
inline const GatedDeltaSpec gated_delta{
    .num_key_heads = 1, .num_heads = 3, .key_width = 4, .value_width = 6};
inline const Mamba2Spec mamba2{.num_heads = 3,
                               .num_value_heads = 1,
                               .num_key_heads = 1,
                               .num_query_heads = 3,
                               .key_width = 4,
                               .value_width = 5,
                               .norm_groups = 3};
inline const DiscreteMamba2Spec discrete{
    .num_heads = 4, .num_key_heads = 2, .key_width = 3, .value_width = 5};
inline const KimiDeltaSpec kimi{.num_heads = 3, .head_width = 4};
inline const JetBlockSpec jet{
    .num_heads = 2, .key_width = 3, .value_width = 4, .generator_width = 5};
inline const SwiGluSpec dense{.width = 11};
inline const MoeSpec experts{.num_experts = 5,
                             .experts_per_token = 2,
                             .width = 6,
                             .router = {.normalised = true},
                             .shared_width = 4,
                             .shared_gate = true};

inline ModelConfig config_of(std::vector<LayerSpec> layers) {
  return {.backbone = {},
          .vocabulary_size = 37,
          .width = 15,
          .layers = std::move(layers),
          .final_norm_epsilon = {},
          .max_positions = 256,
          .bos = {},
          .eos = {},
          .pad = {}};
}

/// Every kind of mixer and of feed-forward.
inline ModelConfig all_kinds() {
  return config_of({{mla, dense},
                    {gated_delta, experts},
                    {mamba2, dense},
                    {attention, dense},
                    {discrete, NoFeedForward{}},
                    {kimi, dense},
                    {jet, experts}});
}

inline std::vector<int32_t> random_tokens(int64_t count, uint64_t seed) {
  CounterRandom random(seed);
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < count; ++i) tokens.push_back(static_cast<int32_t>(random.below(37)));
  return tokens;
}

inline std::vector<int32_t> joined(std::vector<int32_t> a, const std::vector<int32_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace hylo::models::tests
