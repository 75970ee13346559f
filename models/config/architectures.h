// The architectures that config.json may name, one table.
#pragma once

#include <string>

#include "harness/base/json.h"
#include "models/config/model_config.h"

namespace hylo::models {

struct Architecture {
  const char* name;        ///< in `architectures`
  const char* model_type;  ///< where there is no such list
  Family family;
  ModelConfig (*read)(JsonReader& reader, Family family);
};

/// The one that config.json names. Throws Error with those that are known.
const Architecture& architecture_of(JsonReader& reader, const std::string& where);

/// The architecture whose config.json a family is written as; upcycled families have none of their
/// own.
const Architecture& architecture_of(Family family);

}  // namespace hylo::models
