// What a training's student was asked on the way: as JSON, as a table and as charts.
#pragma once

#include <vector>

#include "harness/base/json.h"
#include "reports/render/chart.h"
#include "reports/render/table.h"
#include "reports/store/store.h"
#include "reports/store/training_records.h"

namespace hylo::reports {

/// The first metric of each task of each evaluation, a row each: "stage", "stage_name", "step" (of
/// the stage), "total_step" (of all), "run", "run_name", "state", "task", "metric", "filter",
/// "value", "standard_error" (the clustered one where documents are not independent), "n" and
/// "num_failed".
OrderedJson training_evaluations_json(const Store& store, const TrainingSummary& training);

Table training_evaluations_table(const OrderedJson& report);
/// Values over the steps of all stages: a chart for each metric, a series for each task.
void add_evaluation_charts(std::vector<Chart>& charts, const OrderedJson& report);

}  // namespace hylo::reports
