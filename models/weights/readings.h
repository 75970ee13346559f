// What a checkpoint's configuration leaves open and its tensors decide.
#pragma once

#include <string>
#include <vector>

#include "models/config/model_config.h"
#include "models/weights/hf_names.h"

namespace hylo::models {

struct Readings {
  Spelling spelling;
  std::vector<std::string> notes;  ///< each decision, for the user
};

/// Upcycled checkpoints: whether the head has weights of its own, which norms MLA layers have, and
/// the module of delta layers are taken from `names` and put into `config`, norms layer by layer:
/// where layers differ the notes name them. All: throws Error, naming layer and key, when a layer's
/// tensors are of another kind than the configuration says. `where` opens messages.
Readings settle_by_tensors(ModelConfig& config, const std::vector<std::string>& names,
                           const std::string& where);

}  // namespace hylo::models
