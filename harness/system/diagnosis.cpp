#include "harness/system/diagnosis.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "models/config/hf_config.h"

namespace hylo::harness {

std::vector<std::string> disagreements(const models::Checkpoint& checkpoint,
                                       const models::TokenizerInfo& tokenizer) {
  std::vector<std::string> found;
  const auto& config = checkpoint.config;
  const bool has_files = !checkpoint.weight_files.empty();
  if (has_files) {
    for (const auto& [file, key] : models::unknown_hf_keys(checkpoint.folder)) {
      found.push_back(
          fmt::format("{}: the key '{}' is not understood; what it changes is missing", file, key));
    }
  }
  if (config.bos && tokenizer.bos && *config.bos != *tokenizer.bos) {
    found.push_back(fmt::format(
        "config.json begins texts with token {}, the tokenizer with {}; is it the model's?",
        *config.bos, *tokenizer.bos));
  }
  if (!config.eos.empty() && tokenizer.eos &&
      std::ranges::find(config.eos, *tokenizer.eos) == config.eos.end()) {
    found.push_back(fmt::format(
        "the checkpoint ends texts with token {}, the tokenizer with {}; is it the model's?",
        fmt::join(config.eos, ", "), *tokenizer.eos));
  }
  return found;
}

std::string why_not_a_number(const models::Checkpoint& checkpoint) {
  const auto bad =
      models::find_non_finite(checkpoint.config, checkpoint.weights, checkpoint.spelling);
  if (bad.empty()) {
    return "the model gives NaN although its weights are finite; try --dtype float32";
  }
  return fmt::format(
      "the model gives NaN: {} tensors hold NaN or infinite values, the first is '{}'", bad.size(),
      bad.front());
}

}  // namespace hylo::harness
