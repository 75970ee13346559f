// A checkpoint folder: config.json, one or many safetensors files, and what was found in them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/config/checkpoint_format.h"
#include "models/config/model_config.h"
#include "models/weights/hf_names.h"
#include "models/weights/weights.h"

namespace hylo::models {

struct Checkpoint {
  std::filesystem::path folder;
  ModelConfig config;
  ModelWeights weights;
  std::vector<std::filesystem::path> weight_files;  ///< in order
  std::vector<NumberType> stored_types;             ///< of the tensors, each once
  int64_t stored_bytes = 0;                         ///< of all tensors
  std::vector<std::string> notes;                   ///< what a user should know
  std::optional<Provenance> provenance;
  Spelling spelling;  ///< of the tensors' names
};

struct OpenOptions {
  /// Convert to this type; without it tensors stay as they are stored, as views of the mapped
  /// files.
  std::optional<NumberType> type;
  /// Without `type`: tensors of several types are let through, each as it is stored, and noted. For
  /// those who look and do not compute.
  bool allow_several_types = false;
};

/// Opens a folder. Tensors that need no conversion are views of the mapping: opening reads nothing
/// but headers. Throws Error naming file and tensor: missing, left over, of another shape, of a
/// type that is not floating.
Checkpoint open_checkpoint(const std::filesystem::path& folder, const OpenOptions& options = {});

/// A model of the catalogue with random weights, as a checkpoint that lies in no folder: for
/// measurements of memory and speed. The same name, type and LibTorch give the same weights.
Checkpoint synthetic_checkpoint(std::string_view name, NumberType type);

struct WriteOptions {
  int64_t max_file_bytes = 5'000'000'000;  ///< further tensors go to a next file
  std::optional<CheckpointFormat> format;  ///< nothing: what is natural for the family
  std::optional<Provenance> provenance;
};
/// Writes config.json (and hybrid_config.json for HyLo), model*.safetensors and the index where
/// there are several files, bit by bit in the types that the tensors have. Throws Error when a
/// tensor is missing or has another shape, or the format cannot express the network.
void write_checkpoint(const std::filesystem::path& folder, const ModelConfig& config,
                      const ModelWeights& weights, const WriteOptions& options = {});

/// Names, as a checkpoint of that spelling has them, of tensors that hold NaN or infinite values.
/// Reads every weight once.
std::vector<std::string> find_non_finite(const ModelConfig& config, const ModelWeights& weights,
                                         const Spelling& spelling = {});

/// SHA-256 over the weight files, in order. Reads them whole.
std::string hash_weights(const Checkpoint& checkpoint);

/// Random weights for measurements and tests: projections and convolutions are normal with
/// deviation 1 / sqrt(width of the input), norms scale by 1, biases are 0, skips 1. Decays begin as
/// trained models do: a_log = log U(1, 16), dt_bias the inverse softplus of a step log-uniform in
/// 1e-3..0.1.
ModelWeights random_weights(const ModelConfig& config, NumberType type, uint64_t seed);

}  // namespace hylo::models
