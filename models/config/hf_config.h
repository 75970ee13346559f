// config.json of Hugging Face checkpoints, in both dialects (rope_parameters, and rope_theta with
// rope_scaling), the plans that upcycled checkpoints keep beside it, and generation_config.json.
// families/ has one reader per group of families.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/json.h"
#include "models/config/model_config.h"

namespace hylo::models {

/// Reads a parsed config.json; `where` opens messages. Throws Error, naming key and value, for an
/// architecture that is not known and for settings that would change numbers and are not
/// understood.
ModelConfig parse_hf_config(const Json& json, const std::string& where);

/// config.json of a folder with the plan beside it (hybrid_config.json; MLA_config.json with
/// mla_layer_config.json; mamba_config.json) and the end tokens of generation_config.json, where
/// there are such files. What only the tensors tell is settled when they are opened.
ModelConfig read_hf_config(const std::filesystem::path& folder);

/// Keys of a parsed config.json that parse_hf_config does not look at and that are not known to be
/// without effect on what is computed.
std::vector<std::string> unknown_hf_keys(const Json& json, const std::string& where);

struct UnknownKey {
  std::string file, key;
  bool operator==(const UnknownKey&) const = default;
};
/// The same for config.json and the plan beside it.
std::vector<UnknownKey> unknown_hf_keys(const std::filesystem::path& folder);

/// The whole network in one document: config.json in the dialect that every release of transformers
/// reads, or the project's own (own_config.h) for families that are not written so.
OrderedJson write_hf_config(const ModelConfig& config);

}  // namespace hylo::models
