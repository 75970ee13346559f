// What one layer remembers of sequences: pages that grow with the tokens, or one state each.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "models/cache/page_pool.h"
#include "models/config/layer_spec.h"

namespace hylo::models {

/// How a kind of layer lays its memory out.
struct MemoryLayout {
  std::vector<PagePart> parts;
  bool is_state = false;          ///< one page per sequence, whatever its length
  std::optional<int64_t> window;  ///< tokens that the next query sees, itself included
};

/// Parts, in this order, with S tokens to a page.
///   Attention: keys [S, G, K], values [S, G, V].
///   MLA: latent and shared key [S, 1, R + Kr]; the key is rotated, unless norms of whole heads
///   come before the rotation. Recurrent layers: inputs that the convolution still needs [C - 1,
///   channels], state [H, K, V].
/// Keys, values, latents and tails are of `type`; states float32, or float64 for float64.
MemoryLayout memory_layout(const MixerSpec& mixer, at::ScalarType type, int64_t page_tokens);

}  // namespace hylo::models
