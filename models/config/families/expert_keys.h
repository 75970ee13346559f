// The mixtures of experts of config.json.
#pragma once

#include <cstdint>
#include <vector>

#include "models/config/families/base_fields.h"

namespace hylo::models {

/// Throws Error when the numbers of a mixture cannot be: more experts chosen than there are, groups
/// that do not divide them. `where` is the file.
void check_mixture(const MoeSpec& mixture, const std::string& where);

/// Which layers have experts: all but mlp_only_layers, every decoder_sparse_step-th (Qwen).
std::vector<bool> layers_with_experts(JsonReader& reader, int64_t num_layers, int64_t num_experts);

}  // namespace hylo::models
