#include "models/cache/predicted.h"

#include <algorithm>

#include "harness/base/overloaded.h"

namespace hylo::models {

int64_t predicted_bytes(const MixerSpec& mixer, const CachePrediction& p) {
  return std::visit(
      overloaded{[&](const AttentionSpec& spec) {
        const int64_t first_key =
            spec.window ? std::max<int64_t>(0, p.tokens - *spec.window + 1) : 0;
        const int64_t pages =
            (p.tokens + p.page_tokens - 1) / p.page_tokens - first_key / p.page_tokens;
        return pages * p.page_tokens * 2 * spec.num_kv_heads * spec.head_width * p.element_bytes;
      }},
      mixer);
}

int64_t predicted_bytes(const ModelConfig& config, const CachePrediction& prediction) {
  int64_t bytes = 0;
  for (const auto& layer : config.layers) bytes += predicted_bytes(layer.mixer, prediction);
  return bytes;
}

}  // namespace hylo::models
