// The one loop over documents: ask, score, store, and go on where an interrupted run stopped.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/runner/plan.h"
#include "harness/system/system_under_test.h"
#include "reports/store/store.h"

namespace hylo::harness {

/// How far a run is; told after each batch.
struct RunProgress {
  int64_t num_documents = 0, num_finished = 0;  ///< of the whole run
  int64_t num_answered = 0;                     ///< documents answered by this call
  int64_t rows_done = 0, rows_left = 0;         ///< tokens computed by this call, and to come
  double seconds = 0;                           ///< since this call began
  std::string task;                             ///< that was worked on last
  std::string metric;                           ///< its first metric ...
  std::optional<double> value;  ///< ... over the documents that this call answered and could score
};

struct RunnerHooks {
  std::function<void(const RunProgress&)> on_progress;  ///< may be empty
  const std::atomic<bool>* stop = nullptr;  ///< when it becomes true, no further batch is begun
};

enum class RunEnd { Complete, Stopped };

/// Asks what is not stored yet, batch by batch, one transaction each. Batches are those of the
/// plan, also after an interruption, so a resumed run computes what an uninterrupted one computes.
RunEnd run_plan(const std::vector<PlannedTask>& tasks, const Plan& plan, SystemUnderTest& system,
                reports::Store& store, reports::RunHandle& run, const RunnerHooks& hooks = {});

}  // namespace hylo::harness
