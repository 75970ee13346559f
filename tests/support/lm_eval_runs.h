// Runs that lm-evaluation-harness recorded, and the checkpoints that they name.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/json.h"

namespace hylo::tests {

struct RecordedRun {
  std::string name;
  Json description;             ///< its entry in results.json
  std::vector<Json> documents;  ///< docs/NAME.jsonl; empty when there is none
};

/// Runs of a real model that were recorded in detail. `root` is the folder of results.json.
std::vector<RecordedRun> recorded_runs(const std::filesystem::path& root);

struct RecordedModel {
  std::filesystem::path folder, tokenizer;
};
/// The checkpoint of that name beside the runs or under `data_root`, and its tokenizer.
std::optional<RecordedModel> recorded_model(const std::filesystem::path& root,
                                            const std::filesystem::path& data_root,
                                            const std::string& name);

}  // namespace hylo::tests
