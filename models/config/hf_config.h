// config.json of Hugging Face checkpoints, in both dialects (rope_parameters, and rope_theta with
// rope_scaling), and generation_config.json.
// Source: huggingface/transformers, src/transformers/models/{llama,mistral,qwen2,qwen3}.
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

/// config.json of a folder, with the end tokens of generation_config.json where there is one.
ModelConfig read_hf_config(const std::filesystem::path& folder);

/// Keys of a parsed config.json that parse_hf_config does not look at and that are not known to be
/// without effect on what is computed.
std::vector<std::string> unknown_hf_keys(const Json& json, const std::string& where);

/// config.json in the dialect that every release of transformers reads.
OrderedJson write_hf_config(const ModelConfig& config);

}  // namespace hylo::models
