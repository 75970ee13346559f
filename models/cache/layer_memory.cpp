#include "models/cache/layer_memory.h"

#include "harness/base/overloaded.h"

namespace hylo::models {

MemoryLayout memory_layout(const MixerSpec& mixer, at::ScalarType type, int64_t page_tokens) {
  const auto wide = type == at::kDouble ? at::kDouble : at::kFloat;
  const auto state = [&](const auto& spec, int64_t key_width, int64_t value_width) {
    return MemoryLayout{.parts = {{{spec.conv_width - 1, spec.conv_channels()}, type},
                                  {{spec.num_heads, key_width, value_width}, wide}},
                        .is_state = true};
  };
  return std::visit(
      overloaded{
          [&](const AttentionSpec& s) {
            const PagePart part{{page_tokens, s.num_kv_heads, s.head_width}, type};
            return MemoryLayout{.parts = {part, part}, .window = s.window};
          },
          [&](const MlaSpec& s) {
            return MemoryLayout{.parts = {{{page_tokens, 1, s.latent_rank + s.rope_width}, type}}};
          },
          [&](const Mamba2Spec& s) { return state(s, s.key_width, s.value_width); },
          [&](const DiscreteMamba2Spec& s) { return state(s, s.key_width, s.value_width); },
          [&](const GatedDeltaSpec& s) { return state(s, s.key_width, s.value_width); },
          [&](const KimiDeltaSpec& s) { return state(s, s.head_width, s.head_width); },
          [&](const JetBlockSpec& s) { return state(s, s.key_width, s.value_width); },
      },
      mixer);
}

}  // namespace hylo::models
