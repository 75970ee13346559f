// The names of tensors in Hugging Face checkpoints. Nothing else in the project spells them.
#pragma once

#include <string>
#include <string_view>

namespace hylo::models {

/// "layers.3.mixer.query.weight" -> "model.layers.3.self_attn.q_proj.weight", for the Llama,
/// Mistral, Qwen2 and Qwen3 families.
std::string hf_name(std::string_view ours);

/// Tensors that some checkpoints carry and that hold nothing which is not computed from the config.
bool is_derived_tensor(std::string_view hf_name);

inline constexpr std::string_view hf_head_name = "lm_head.weight";

}  // namespace hylo::models
