#include "reports/render/training_evaluations.h"

#include <algorithm>
#include <map>
#include <string>

#include "reports/render/cell_text.h"
#include "reports/store/first_metrics.h"
#include "reports/store/json_number.h"
#include "reports/store/training_history.h"

namespace hylo::reports {
namespace {

OrderedJson place_json(const TrainingSummary& training, const TrainingPlace& place) {
  const auto& stages = training.description.stages;
  int64_t total = place.step;
  for (int64_t i = 0; i < place.stage; ++i) total += stages[static_cast<size_t>(i)].num_steps;
  return {{"stage", place.stage},
          {"stage_name", stages[static_cast<size_t>(place.stage)].name},
          {"step", place.step},
          {"total_step", total}};
}

OrderedJson value_json(const FirstMetric& first) {
  const auto& [task, row] = first;
  return {{"task", task},
          {"metric", row.metric.name},
          {"filter", row.metric.filter},
          {"value", json_number(row.aggregate.value)},
          {"standard_error", json_number(row.aggregate.best_error())},
          {"n", row.aggregate.n},
          {"num_failed", row.num_failed}};
}

void add_rows(const Store& store, const OrderedJson& place, const RunSummary& run,
              OrderedJson& rows) {
  for (const auto& first : first_metrics(store, run.id)) {
    auto row = place;
    row["run"] = run.id;
    row["run_name"] = run.description.name;
    row["state"] = run.state == RunState::Complete ? "complete" : "incomplete";
    row.update(value_json(first));
    rows.push_back(std::move(row));
  }
}

}  // namespace

OrderedJson training_evaluations_json(const Store& store, const TrainingSummary& training) {
  auto rows = OrderedJson::array();
  for (const auto& evaluation : training_evaluations(store, training.id)) {
    add_rows(store, place_json(training, evaluation.place),
             store.find_run(std::to_string(evaluation.run)), rows);
  }
  return rows;
}

Table training_evaluations_table(const OrderedJson& report) {
  Table table{.columns = {{"Stage"},
                          {"Step", Align::Right, 2},
                          {"Of all", Align::Right},
                          {"Task"},
                          {"Metric"},
                          {"Value", Align::Right},
                          {"\u00b1", Align::Right},
                          {"Documents", Align::Right, 1},
                          {"Failed", Align::Right, 0, "0"},
                          {"State", Align::Left, 0, "complete"},
                          {"Run", Align::Right, 3}}};
  for (const auto& row : report["evaluations"]) {
    table.rows.push_back({{text_of(row["stage_name"])},
                          {thousands_of(row["step"])},
                          {thousands_of(row["total_step"])},
                          {text_of(row["task"])},
                          {text_of(row["metric"])},
                          {rounded(row["value"])},
                          {rounded(row["standard_error"])},
                          {thousands_of(row["n"])},
                          {thousands_of(row["num_failed"]), Emphasis::Warning},
                          {text_of(row["state"]), Emphasis::Warning},
                          {text_of(row["run"])}});
  }
  return without_unremarkable_columns(table);
}

void add_evaluation_charts(std::vector<Chart>& charts, const OrderedJson& report) {
  std::map<std::string, std::map<std::string, Series>> by_metric;
  for (const auto& row : report["evaluations"]) {
    const auto value = number_of(row["value"]);
    if (!value) continue;
    const auto task = text_of(row["task"]);
    auto& series = by_metric[text_of(row["metric"])][task];
    series.name = task;
    series.points.emplace_back(row["total_step"].get<double>(), *value);
  }
  for (auto& [metric, tasks] : by_metric) {
    Chart chart{.title = "Evaluations: " + metric, .x_title = "steps of all stages", .series = {}};
    for (auto& [task, series] : tasks) chart.series.push_back(std::move(series));
    const bool has_course = std::ranges::any_of(
        chart.series, [](const Series& series) { return series.points.size() > 1; });
    if (has_course) charts.push_back(std::move(chart));
  }
}

}  // namespace hylo::reports
