// Rotary frequencies in config.json: rope_parameters, or rope_theta with rope_scaling.
#pragma once

#include <optional>
#include <string>

#include "harness/base/json.h"
#include "models/config/rope_spec.h"

namespace hylo::models {

struct RopeDefaults {
  int64_t max_positions = 0;  ///< the original length where none is given
  double theta = 10000;
  /// The rotated part of a head where config.json does not say; nothing: partial rotation is not
  /// known for the family and refused.
  std::optional<double> partial_factor;
};

/// The rotation of heads of this width. Throws Error for unknown types and keys.
RopeSpec read_rope(JsonReader& config, int64_t head_width, const RopeDefaults& defaults);

/// The scaling that an object with rope_type (or type) and its numbers describes; every key of it
/// must be known.
RopeScaling read_scaling(const Json& json, const std::string& path, int64_t max_positions);

/// As rope_scaling; null where frequencies are not scaled.
OrderedJson scaling_json(const RopeScaling& scaling);

}  // namespace hylo::models
