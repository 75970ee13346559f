// config.json, and what else a checkpoint folder needs beside its weights, in a published format or
// the project's own.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/base/json.h"
#include "models/config/model_config.h"
#include "models/config/own_config.h"

namespace hylo::models {

enum class CheckpointFormat {
  Published,  ///< as others read it: Llama, Mistral, Qwen2, Qwen3, and HyLo's two files
  Own,        ///< any network; tensors have the project's own names
};

/// Published for the families that can be written so, the project's own for all others.
CheckpointFormat natural_format(Family family);

/// File names and contents. Throws Error when the published format cannot express the network.
std::vector<std::pair<std::string, OrderedJson>> config_files(
    const ModelConfig& config, CheckpointFormat format,
    const std::optional<Provenance>& provenance = {});

/// The two files of HyLo: config.json of the backbone and hybrid_config.json. Keys beyond those of
/// Zebra-Llama's configuration class are inferred from the model cards.
std::pair<OrderedJson, OrderedJson> write_hylo_config(const ModelConfig& config);

}  // namespace hylo::models
