#include "models/weights/hf_names.h"

#include <algorithm>
#include <array>

#include "harness/base/error.h"

namespace hylo::models {
namespace {

struct NamePair {
  std::string_view ours, theirs;
};
constexpr std::array model_names{
    NamePair{"embedding.weight", "model.embed_tokens.weight"},
    NamePair{"final_norm.weight", "model.norm.weight"},
    NamePair{"head.weight", hf_head_name},
};
/// Below "layers.{}." and "model.layers.{}."; each has a weight and may have a bias.
constexpr std::array layer_names{
    NamePair{"mixer_norm", "input_layernorm"},
    NamePair{"mixer.query", "self_attn.q_proj"},
    NamePair{"mixer.key", "self_attn.k_proj"},
    NamePair{"mixer.value", "self_attn.v_proj"},
    NamePair{"mixer.output", "self_attn.o_proj"},
    NamePair{"mixer.query_norm", "self_attn.q_norm"},
    NamePair{"mixer.key_norm", "self_attn.k_norm"},
    NamePair{"feed_forward_norm", "post_attention_layernorm"},
    NamePair{"feed_forward.gate", "mlp.gate_proj"},
    NamePair{"feed_forward.up", "mlp.up_proj"},
    NamePair{"feed_forward.down", "mlp.down_proj"},
};
constexpr std::string_view layer_prefix = "layers.";

}  // namespace

std::string hf_name(std::string_view ours) {
  if (const auto* found = std::ranges::find(model_names, ours, &NamePair::ours);
      found != model_names.end()) {
    return std::string(found->theirs);
  }
  invariant(ours.starts_with(layer_prefix), "no checkpoint name for '{}'", ours);
  const size_t index_end = ours.find('.', layer_prefix.size());
  const size_t kind = ours.rfind('.');
  const auto index = ours.substr(layer_prefix.size(), index_end - layer_prefix.size());
  const auto part = ours.substr(index_end + 1, kind - index_end - 1);
  const auto* found = std::ranges::find(layer_names, part, &NamePair::ours);
  invariant(found != layer_names.end(), "no checkpoint name for '{}'", ours);
  return fmt::format("model.layers.{}.{}{}", index, found->theirs, ours.substr(kind));
}

bool is_derived_tensor(std::string_view name) { return name.ends_with("rotary_emb.inv_freq"); }

}  // namespace hylo::models
