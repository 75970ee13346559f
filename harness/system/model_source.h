// What --model names: the folder of a checkpoint, or a row of the catalogue with random weights.
#pragma once

#include <filesystem>
#include <string>

#include "models/weights/checkpoint.h"

namespace hylo::harness {

/// "synthetic:NAME": random weights, which lie in no folder.
bool is_synthetic(const std::filesystem::path& model);

/// Opens the folder, or draws the weights of the row. Throws Error as open_checkpoint and
/// synthetic_checkpoint do.
models::Checkpoint open_model(const std::filesystem::path& model, models::NumberType type);

/// For people: the last part of the folder.
std::string name_of(const std::filesystem::path& model);

/// What runs are stored with: the absolute folder, or the name that was drawn for.
std::string place_of(const std::filesystem::path& model);

}  // namespace hylo::harness
