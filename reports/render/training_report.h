// Training runs as JSON documents, from which everything that is drawn is drawn.
#pragma once

#include <span>

#include "harness/base/json.h"
#include "reports/store/store.h"
#include "reports/store/training_records.h"

namespace hylo::reports {

/// A training run: "report" ("training"), "training" (id, name, state, recipe, teacher, times),
/// "recipe", "student", "attempts", "stages" (a row each), "validations", "evaluations",
/// "checkpoints", "curves" (per stage, means over at most 60 bins of steps) and "notes".
OrderedJson training_report(const Store& store, const TrainingSummary& run);

/// The training runs of a store: "report" ("training_list"), "store", "runs", newest first, and
/// "notes".
OrderedJson training_list_report(const Store& store);

/// Several side by side: "report" ("training_comparison"), "runs" (each with its last validations
/// and curves), "differences" (what of their recipes and settings is not the same) and "notes".
OrderedJson training_comparison_report(const Store& store, std::span<const TrainingSummary> runs);

}  // namespace hylo::reports
