// Scores of documents to the numbers of a run, with standard errors.
// Source: lm-evaluation-harness, lm_eval/api/metrics.py (the formulas of mean, its error and the
// weighted perplexities).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tasks/core/task.h"

namespace hylo::tasks {

struct Aggregate {
  std::string metric;
  std::string filter;
  std::optional<double> value;  ///< absent when no document has a value
  std::optional<double>
      standard_error;  ///< of means, also of weighted ones; absent for perplexities and n < 2
  int64_t num_documents = 0;  ///< that have a value
  int64_t num_failed = 0;     ///< that have none; they are left out of the value
};

/// One aggregate per metric of the task, in its order. Throws std::logic_error for a score whose
/// metrics are not the task's.
std::vector<Aggregate> aggregate(const TaskInfo& info, std::span<const Score> scores);

}  // namespace hylo::tasks
