#include "models/cache/predicted.h"

#include <algorithm>

#include "harness/base/overloaded.h"

namespace hylo::models {
namespace {

/// Tokens of the pages that are held, whole pages.
int64_t held_tokens(const CachePrediction& p, const std::optional<int64_t>& window = {}) {
  const int64_t first_key = window ? std::max<int64_t>(0, p.tokens - *window + 1) : 0;
  return ((p.tokens + p.page_tokens - 1) / p.page_tokens - first_key / p.page_tokens) *
         p.page_tokens;
}

CacheBytes states(const CachePrediction& p, int64_t tail_elements, int64_t state_elements) {
  if (p.tokens == 0) return {};
  const int64_t state_bytes = std::max<int64_t>(4, p.element_bytes);
  return {.states = tail_elements * p.element_bytes + state_elements * state_bytes};
}

}  // namespace

CacheBytes predicted_bytes(const MixerSpec& mixer, const CachePrediction& p) {
  const auto recurrent = [&](const auto& spec, int64_t key_width, int64_t value_width) {
    return states(p, (spec.conv_width - 1) * spec.conv_channels(),
                  spec.num_heads * key_width * value_width);
  };
  return std::visit(
      overloaded{
          [&](const AttentionSpec& s) {
            return CacheBytes{.pages = held_tokens(p, s.window) * 2 * s.num_kv_heads *
                                       s.head_width * p.element_bytes};
          },
          [&](const MlaSpec& s) {
            return CacheBytes{.pages = held_tokens(p) * (s.latent_rank + s.rope_width) *
                                       p.element_bytes};
          },
          [&](const Mamba2Spec& s) { return recurrent(s, s.key_width, s.value_width); },
          [&](const DiscreteMamba2Spec& s) { return recurrent(s, s.key_width, s.value_width); },
          [&](const GatedDeltaSpec& s) { return recurrent(s, s.key_width, s.value_width); },
          [&](const KimiDeltaSpec& s) { return recurrent(s, s.head_width, s.head_width); },
          [&](const JetBlockSpec& s) { return recurrent(s, s.key_width, s.value_width); },
      },
      mixer);
}

CacheBytes predicted_bytes(const ModelConfig& config, const CachePrediction& prediction) {
  CacheBytes bytes;
  for (const auto& layer : config.layers) {
    const auto of_layer = predicted_bytes(layer.mixer, prediction);
    bytes.pages += of_layer.pages;
    bytes.states += of_layer.states;
  }
  return bytes;
}

}  // namespace hylo::models
