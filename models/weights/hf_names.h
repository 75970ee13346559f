// The names, shapes and places of tensors in checkpoint folders. Nothing else in the project spells
// the names of others.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/config/model_config.h"
#include "models/weights/linear_weights.h"

namespace hylo::models {

/// How a folder spells what is not fixed by its family.
struct Spelling {
  bool own = false;  ///< the project's own names throughout
  std::string delta_module =
      "gdn";  ///< of HyLo's Gated DeltaNet layers; inferred, so it is looked up
};

/// Where a tensor of ours lies in a checkpoint: a whole tensor, or rows of one element of it.
struct StoredTensor {
  struct Rows {
    int64_t begin = 0, count = 0;
  };
  std::string name;
  std::vector<int64_t> shape;    ///< of the whole stored tensor
  std::optional<int64_t> index;  ///< along its first dim
  std::optional<Rows> rows;      ///< of what is then the first dim
};

/// "layers.3.mixer.query.weight" -> "model.layers.3.self_attn.q_proj.weight".
StoredTensor stored_tensor(const ModelConfig& config, const WeightSlot& slot,
                           const Spelling& spelling = {});

/// Ours as a view of the tensor that holds it, which is of the stored shape up to dims of size 1.
at::Tensor part_of(const at::Tensor& whole, const StoredTensor& stored, const WeightSlot& slot);

/// The kind (kind_name) of mixer that tensors of these names in one layer belong to; nothing when
/// none is recognised.
std::optional<std::string> mixer_kind_of(const std::vector<std::string>& names_in_layer);
/// Whether a name within a layer ("mlp.up_proj.weight") belongs to a norm or a feed-forward.
bool is_beside_mixer(std::string_view name_in_layer);

/// "model.layers." or what a family has in its place.
std::string_view layer_prefix(const ModelConfig& config, const Spelling& spelling);

/// Tensors that some checkpoints carry and that hold nothing which is not computed from the config.
bool is_derived_tensor(std::string_view name);

inline constexpr std::string_view hf_head_name = "lm_head.weight";
/// Norms that HyLo's MLA layers may hold, below "model.layers.{}.".
inline constexpr std::string_view mla_query_norm = "mla.q_norm.weight",
                                  mla_key_norm = "mla.k_norm.weight",
                                  mla_latent_norm = "mla.kv_a_layernorm.weight",
                                  mla_query_latent_norm = "mla.q_a_layernorm.weight";
/// What tells a delta layer's module: "model.layers.{}.{module}.q_conv1d.weight".
inline constexpr std::string_view delta_conv = ".q_conv1d.weight";
/// What tells a layer that predicts further tokens and is no part of the network (DeepSeek-V3).
inline constexpr std::string_view further_token_projection = "eh_proj.weight";

}  // namespace hylo::models
