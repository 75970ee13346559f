#include "models/config/placement_json.h"

#include <algorithm>
#include <optional>
#include <set>

#include "harness/base/error.h"
#include "models/config/check_spec.h"
#include "models/config/own_config.h"

namespace hylo::models {
namespace {

MlaSpec mla_in_place_of(const AttentionSpec& attention) {
  const int64_t half = attention.head_width / 4 * 2;  // rotations are of pairs
  MlaSpec mla{.num_heads = attention.num_heads,
              .num_kv_heads = attention.num_kv_heads,
              .nope_width = attention.head_width - half,
              .rope_width = half,
              .value_width = attention.head_width,
              .rope = attention.rope};
  mla.rope.width = half;
  mla.scale = mla.plain_scale();
  return mla;
}

/// Where widths were named, what follows from them follows them.
void follow_widths(MlaSpec& mla, const Json& given) {
  if (!given.contains("scale")) mla.scale = mla.plain_scale();
  const bool names_width = given.contains("rope") && given["rope"].contains("width");
  if (!names_width && mla.rope.width > 0) mla.rope.width = mla.rope_width;
}

GatedDeltaSpec gated_delta_in_place_of(int64_t model_width) {
  constexpr int64_t published_key_width = 256;
  const bool follows = 3 * model_width % (4 * published_key_width) == 0;
  return follows ? gated_delta_for_width(model_width) : GatedDeltaSpec();
}

class PlacementReader {
 public:
  PlacementReader(const std::string& path, const ModelConfig& teacher)
      : path_(path), teacher_(teacher) {}

  Placement read(const Json& json) {
    require(json.is_array() && !json.empty(),
            "{}: expected a list of {{\"layers\": ..., \"mixer\": ...}}, found {}", path_,
            found_value(json));
    Placement placement;
    const Json* rest = nullptr;
    for (size_t i = 0; i < json.size(); ++i) {
      JsonReader reader(json[i], fmt::format("{}[{}]", path_, i));
      const auto& layers = reader.at("layers");
      const auto& mixer = reader.at("mixer");
      reader.done();
      if (layers == "rest") {
        require(!rest, "{}: \"rest\" is named twice", reader.path_of("layers"));
        rest = &mixer;
        rest_path_ = reader.path_of("mixer");
        continue;
      }
      const auto which = layers_of(layers, reader.path_of("layers"));
      placement.entries.push_back({which, mixer_of(mixer, reader.path_of("mixer"), which.front())});
    }
    if (rest) placement.rest = rest_of(*rest);
    return placement;
  }

 private:
  [[nodiscard]] int64_t num_layers() const { return std::ssize(teacher_.layers); }

  std::vector<int64_t> layers_of(const Json& json, const std::string& path) {
    auto layers = json == "even" ? even_layers(num_layers()) : listed(json, path);
    require(!layers.empty(), "{}: names no layer", path);
    for (const auto layer : layers) {
      require(layer >= 0 && layer < num_layers(),
              "{}: layer {} is outside of the model, whose {} layers are 0 to {}", path, layer,
              num_layers(), num_layers() - 1);
      require(named_.insert(layer).second, "{}: layer {} is named twice", path, layer);
    }
    return layers;
  }

  [[nodiscard]] std::vector<int64_t> listed(const Json& json, const std::string& path) const {
    if (!json.is_object()) {
      require(
          is_exactly<std::vector<int64_t>>(json),
          "{}: expected a list of layers, \"even\", \"rest\" or {{\"every\": N, \"first\": I}}, "
          "found {}",
          path, found_value(json));
      return json.get<std::vector<int64_t>>();
    }
    JsonReader reader(json, path);
    const auto every = reader.get<int64_t>("every");
    const auto first = reader.get_or<int64_t>("first", 0);
    reader.done();
    require(every >= 1, "{}: expected 1 or more, found {}", reader.path_of("every"), every);
    require(first >= 0, "{}: expected 0 or more, found {}", reader.path_of("first"), first);
    std::vector<int64_t> layers;
    for (int64_t i = first; i < num_layers(); i += every) layers.push_back(i);
    return layers;
  }

  [[nodiscard]] MixerSpec mixer_of(const Json& json, const std::string& path, int64_t layer) const {
    auto mixer = read_mixer(json, path, [&](const std::string& kind) {
      const auto* attention =
          std::get_if<AttentionSpec>(&teacher_.layers[static_cast<size_t>(layer)].mixer);
      if (!attention) {
        fail("{}: layer {} of the teacher is no attention, so nothing can take its place", path,
             layer);
      }
      return mixer_in_place_of(*attention, teacher_.width, kind);
    });
    if (auto* mla = std::get_if<MlaSpec>(&mixer)) follow_widths(*mla, json);
    check_mixer(mixer, path);
    return mixer;
  }

  [[nodiscard]] std::optional<MixerSpec> rest_of(const Json& json) const {
    for (int64_t layer = 0; layer < num_layers(); ++layer) {
      if (!named_.contains(layer)) return mixer_of(json, rest_path_, layer);
    }
    fail("{}: every layer is named already; there is no rest", rest_path_);
  }

  const std::string& path_;
  const ModelConfig& teacher_;
  std::string rest_path_;
  std::set<int64_t> named_;
};

}  // namespace

MixerSpec mixer_in_place_of(const AttentionSpec& attention, int64_t model_width,
                            const std::string& kind) {
  if (kind == "attention") return attention;
  if (kind == "mla") return mla_in_place_of(attention);
  if (kind == "mamba2") return mamba2_in_place_of(attention);
  if (kind == "gated_delta") return gated_delta_in_place_of(model_width);
  if (kind == "discrete_mamba2") {
    return DiscreteMamba2Spec{.num_heads = attention.num_heads,
                              .num_key_heads = attention.num_heads,
                              .key_width = attention.head_width,
                              .value_width = attention.head_width};
  }
  if (kind == "jet_block") return JetBlockSpec();
  fail("'{}' takes the place of no attention: no conversion is known", kind);
}

Placement read_placement(const Json& json, const std::string& path, const ModelConfig& teacher) {
  return PlacementReader(path, teacher).read(json);
}

}  // namespace hylo::models
