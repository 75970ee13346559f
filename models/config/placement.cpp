#include "models/config/placement.h"

#include <set>

#include "harness/base/error.h"
#include "models/config/check_spec.h"

namespace hylo::models {

ModelConfig place(const ModelConfig& teacher, const Placement& placement) {
  auto student = teacher;
  student.family = placement.family;
  student.backbone = teacher.backbone.value_or(teacher.family);
  const auto num_layers = std::ssize(teacher.layers);
  std::set<int64_t> placed;
  for (size_t e = 0; e < placement.entries.size(); ++e) {
    const auto& entry = placement.entries[e];
    const auto where = fmt::format("placement[{}]", e);
    check_mixer(entry.mixer, where + ".mixer");
    for (const auto layer : entry.layers) {
      require(layer >= 0 && layer < num_layers,
              "{}.layers: layer {} is outside of the model, whose {} layers are 0 to {}", where,
              layer, num_layers, num_layers - 1);
      require(placed.insert(layer).second, "{}.layers: layer {} is named twice", where, layer);
      student.layers[layer].mixer = entry.mixer;
    }
  }
  if (!placement.rest) return student;
  check_mixer(*placement.rest, "placement.rest");
  for (int64_t i = 0; i < num_layers; ++i) {
    if (!placed.contains(i)) student.layers[i].mixer = *placement.rest;
  }
  return student;
}

std::vector<int64_t> even_layers(int64_t num_layers) {
  std::vector<int64_t> layers;
  for (int64_t i = 0; i < num_layers; i += 2) layers.push_back(i);
  return layers;
}

Mamba2Spec mamba2_in_place_of(const AttentionSpec& attention) {
  return {.num_heads = attention.num_heads,
          .num_value_heads = attention.num_kv_heads,
          .num_key_heads = attention.num_kv_heads,
          .num_query_heads = attention.num_heads,
          .key_width = attention.head_width,
          .value_width = attention.head_width,
          .norm_groups = attention.num_heads,
          .norm_epsilon = 1e-5};
}

GatedDeltaSpec gated_delta_for_width(int64_t model_width) {
  constexpr int64_t key_width = 256;
  require(
      model_width > 0 && 3 * model_width % (4 * key_width) == 0,
      "a model width of {}: 3/4 of it are no whole number of heads of {}; name heads and widths",
      model_width, key_width);
  const int64_t heads = 3 * model_width / (4 * key_width);
  return {.num_key_heads = heads,
          .num_heads = heads,
          .key_width = key_width,
          .value_width = 2 * key_width};
}

}  // namespace hylo::models
