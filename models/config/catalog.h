// The models that hylo knows by name: geometry only, no weights.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/config/model_config.h"

namespace hylo::models {

struct CatalogEntry {
  std::string name;    ///< the published one in lower case, without owner, context or tuning
  std::string source;  ///< where the geometry was read
  ModelConfig config;
  std::string teacher = {};  ///< the entry whose layers were replaced; empty: none
};

const std::vector<CatalogEntry>& catalog();

/// What stands before the name of an entry where a checkpoint folder could stand too.
inline constexpr std::string_view synthetic_prefix = "synthetic:";

/// Throws Error with the nearest name when there is none.
const CatalogEntry& find_model(std::string_view name);

}  // namespace hylo::models
