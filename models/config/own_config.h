// The project's own config.json: the whole list of layers, so that any network can be written and
// read back exactly. Its tensors have the project's own names.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/json.h"
#include "models/config/checkpoint_format.h"
#include "models/config/model_config.h"

namespace hylo::models {

inline constexpr const char* own_architecture = "HyloForCausalLM";
inline constexpr const char* own_model_type = "hylo";

/// Whether a parsed config.json is of this format.
bool is_own_config(const Json& json);

/// Every field must be there. Throws Error with the path of what is missing, unknown or of a kind
/// that this version does not know.
ModelConfig read_own_config(const Json& json, const std::string& where);

/// A mixer of which `json` says the kind and every field that is not as in `otherwise(kind)`.
/// Throws Error with the path of what is unknown or cannot be.
MixerSpec read_mixer(const Json& json, const std::string& path,
                     const std::function<MixerSpec(const std::string& kind)>& otherwise);
OrderedJson mixer_json(const MixerSpec& mixer);

/// "attention", "mla", "mamba2", ...: in the order of the alternatives of MixerSpec.
std::vector<std::string> mixer_kind_names();

/// The "provenance" of a parsed config.json of any format, where there is one.
std::optional<Provenance> read_provenance(const Json& json, const std::string& where);
OrderedJson provenance_json(const Provenance& provenance);

OrderedJson write_own_config(const ModelConfig& config,
                             const std::optional<Provenance>& provenance = {});

}  // namespace hylo::models
