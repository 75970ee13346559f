// One JSON document per report: everything that is drawn is drawn from it.
#pragma once

#include "harness/base/json.h"
#include "reports/store/store.h"

namespace hylo::reports {

/// A run: "report" ("run"), "run" (id, name, state, times, settings), "model", "machine", "build",
/// "settings", "tasks" (counts), "results" (a row per task and metric) and "notes" (what a reader
/// must know of these numbers). Aggregates are those of the scores that are there now.
OrderedJson run_report(const Store& store, const RunSummary& run);

/// The runs of a store: "report" ("run_list"), "store", "runs", newest first, and "notes".
OrderedJson run_list_report(const Store& store);

/// Whether a row of run_report()'s "results" is of a metric to which no document had anything to
/// add, as a bucket of positions beyond the longest text: it has no value and did not fail.
bool reaches_no_document(const OrderedJson& result);

}  // namespace hylo::reports
