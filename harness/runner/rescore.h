// Scores of a stored run made again from its answers, without the model.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/runner/plan.h"
#include "reports/store/store.h"

namespace hylo::harness {

/// A metric whose value differs from what was stored.
struct ChangedValue {
  std::string task, metric, filter;
  std::optional<double> before, after;
};

struct Rescored {
  int64_t num_documents = 0;
  int64_t num_changed = 0;    ///< documents with another score
  int64_t num_regrouped = 0;  ///< documents with another cluster or other tags
  std::vector<ChangedValue> changed;
};

/// Opens the tasks of the run with `data` (of its tasks only files that moved are used, its prompts
/// not at all) and scores what is stored; with `write`, the new scores, clusters and tags take the
/// place of the old ones. Throws Error when a task is unknown, has another version or other metrics
/// than it had, its data or worked examples are missing or other than the run's, or a document is
/// asked with other texts than it was.
Rescored rescore(reports::Store& store, const reports::RunSummary& run, const PlanOptions& data,
                 bool write);

}  // namespace hylo::harness
