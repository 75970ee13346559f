// What of a task's data is there: its documents and its pool of worked examples.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "harness/base/json.h"
#include "tasks/core/task.h"

namespace hylo::cli {

struct TaskDataState {
  /// "found", "missing", "generated", "found; few-shot pool missing", "stand-in found, published
  /// file missing": what is there, and what is not.
  std::string text;
  bool is_whole = false;  ///< nothing is missing, and nothing stands in for anything
  /// "file" that is read in place of the published one, and its "difference"; null without.
  OrderedJson stand_in;
  /// "dataset" (null: the task brings its examples), "split" (as the task is defined), "data" (its
  /// state) and "used" (the split that there is to draw from, or null); null without a pool.
  OrderedJson fewshot_pool;
  std::optional<std::string> licence;  ///< of the data set
};

/// Looks at names and sizes in `found`, which is what find_datasets saw under `root`.
TaskDataState task_data_state(const tasks::Task& task,
                              const std::vector<datasets::FoundDataset>& found,
                              const std::filesystem::path& root);

}  // namespace hylo::cli
