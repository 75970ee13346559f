// RULER as its paper prints it: tasks by lengths, averages, effective length; needles by depth.
#pragma once

#include "harness/base/json.h"
#include "reports/store/store.h"

namespace hylo::harness {

/// The report of a run (reports::run_report) with the tables of RULER where the run has tasks of
/// it.
OrderedJson run_report_with_ruler(const reports::Store& store, const reports::RunSummary& run);

}  // namespace hylo::harness
