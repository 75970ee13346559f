// Which layers of a teacher get which mixer: the plan of an upcycled network.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "models/config/model_config.h"

namespace hylo::models {

struct Placement {
  struct Entry {
    std::vector<int64_t> layers;  ///< from 0
    MixerSpec mixer;
  };
  std::vector<Entry> entries;
  std::optional<MixerSpec> rest;  ///< of layers that no entry names; nothing: they stay as they are
  Family family = Family::Hylo;   ///< whose names and conventions the student follows
};

/// The teacher with other mixers; embeddings, norms, feed-forwards and head keep their shapes.
/// Throws Error when a layer is outside of the model or named twice, or widths do not divide.
ModelConfig place(const ModelConfig& teacher, const Placement& placement);

/// 0, 2, 4, ...: the layers in which the published models with as many MLA as linear layers have
/// MLA.
std::vector<int64_t> even_layers(int64_t num_layers);

/// Mamba-2 in the shape of the attention that it replaces: C, B and x are its queries, keys and
/// values. Source: MambaInLlama (arXiv 2408.15237).
Mamba2Spec mamba2_in_place_of(const AttentionSpec& attention);

/// HyLo's Gated DeltaNet for a model of this width: keys of 256, all heads' 3/4 of the width,
/// values twice as wide as keys. Throws Error for widths that heads of 256 do not divide so.
GatedDeltaSpec gated_delta_for_width(int64_t model_width);

}  // namespace hylo::models
