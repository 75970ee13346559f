// From the --model options of a verb to a system under test.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "harness/system/decoder_system.h"
#include "harness/system/system_under_test.h"

namespace hylo::cli {

/// Options shared by the verbs that run a model.
struct ModelOptions {
  std::string model;
  std::string tokenizer;
  std::string dtype = "float32";
  std::string numeric_mode = "stable";
  std::string rotary = "exact";
  std::optional<int64_t> max_length;  ///< instead of what the checkpoint declares
  std::optional<int64_t> threads;     ///< instead of what suits the model's size
  bool allow_truncation = false;
  bool no_sharing = false;
};

void add_model_options(CLI::App& verb, ModelOptions& options);

/// Prints warnings to standard error. Throws Error for values that are not known.
std::unique_ptr<harness::DecoderSystem> open_decoder_system(const ModelOptions& options,
                                                            bool hash_weights);

/// A checkpoint folder, or "scripted:crc".
std::unique_ptr<harness::SystemUnderTest> open_system(const ModelOptions& options,
                                                      bool hash_weights);

/// A student and its teacher, both with these options (threads as the larger one wants them).
std::unique_ptr<harness::SystemUnderTest> open_with_teacher(const ModelOptions& student,
                                                            const std::string& teacher,
                                                            bool hash_weights);

/// Layers whose hidden states can be compared: all, or none. Reads both config.json, no weights.
int64_t num_compared_layers(const ModelOptions& student, const std::string& teacher);

}  // namespace hylo::cli
