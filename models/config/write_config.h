// config.json, and what else a checkpoint folder needs beside its weights, in a published format or
// the project's own.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/base/json.h"
#include "models/config/checkpoint_format.h"
#include "models/config/model_config.h"

namespace hylo::models {

/// File names and contents. Throws Error when the published format cannot express the network.
std::vector<std::pair<std::string, OrderedJson>> config_files(
    const ModelConfig& config, CheckpointFormat format,
    const std::optional<Provenance>& provenance = {});

/// The two files of HyLo: config.json of the backbone and hybrid_config.json. Keys beyond those of
/// Zebra-Llama's configuration class are inferred from the model cards.
std::pair<OrderedJson, OrderedJson> write_hylo_config(const ModelConfig& config);

/// config.json of Granite 4.0 H.
OrderedJson write_granite_config(const ModelConfig& config);

}  // namespace hylo::models
