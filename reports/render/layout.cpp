#include "reports/render/layout.h"

#include <fmt/format.h>

#include <array>

#include "reports/render/cell_text.h"
#include "reports/render/headline_report.h"
#include "reports/render/placement_report.h"
#include "reports/render/run_report.h"
#include "reports/render/training_tables.h"

namespace hylo::reports {
namespace {

std::string interval(const OrderedJson& value) {
  if (value.is_null()) return absent;
  return fmt::format("{:.3f}\u2013{:.3f}", value[0].get<double>(), value[1].get<double>());
}

Cell counted(const OrderedJson& value) {
  return {text_of(value), value == 0 ? Emphasis::None : Emphasis::Warning};
}

std::vector<Cell> result_row(const OrderedJson& row) {
  const bool partial = row["partial"].get<bool>();
  return {{text_of(row["task"])},
          {text_of(row["version"])},
          {text_of(row["filter"])},
          {text_of(row["num_fewshot"])},
          {text_of(row["metric"])},
          {row["higher_is_better"].get<bool>() ? "\u2191" : "\u2193"},
          {rounded(row["value"])},
          {rounded(row["standard_error"])},
          {rounded(row["clustered_error"])},
          {interval(row["interval_95"])},
          {text_of(row["n"])},
          counted(row["num_failed"]),
          counted(row["num_truncated"]),
          {partial ? "PARTIAL" : "", Emphasis::Warning}};
}

/// A group among the tasks: "acc, mean of 57 tasks".
std::vector<Cell> group_row(const OrderedJson& row) {
  const auto number = row["mean"] == "tasks" ? row["num_members"] : row["n"];
  const auto mean = fmt::format("mean of {} {}", text_of(number), text_of(row["mean"]));
  const auto metric = row["metric"].is_null() ? mean : text_of(row["metric"]) + ", " + mean;
  const bool partial = row["partial"].get<bool>();
  return {{text_of(row["group"])},
          {absent},
          {"none"},
          {absent},
          {metric},
          {""},
          {rounded(row["value"])},
          {rounded(row["standard_error"])},
          {rounded(row["clustered_error"])},
          {absent},
          {text_of(row["n"])},
          counted(row["num_failed"]),
          {"0"},
          {partial ? "PARTIAL" : "", Emphasis::Warning}};
}

Table results_table(const OrderedJson& report) {
  Table table{.columns = {{"Task"},
                          {"Version", Align::Right, 4},
                          {"Filter", Align::Left, 1},
                          {"n-shot", Align::Right, 3},
                          {"Metric"},
                          {""},
                          {"Value", Align::Right},
                          {"\u00b1", Align::Right},
                          {"\u00b1 clust.", Align::Right, 0, absent},
                          {"95 %", Align::Left, 5},
                          {"n", Align::Right, 2},
                          {"Failed", Align::Right, 0, "0"},
                          {"Truncated", Align::Right, 0, "0"},
                          {"", Align::Left, 0, ""}}};
  for (const auto& row : report["results"]) {
    if (!reaches_no_document(row)) table.rows.push_back(result_row(row));
  }
  for (const auto& row : report["groups"]) table.rows.push_back(group_row(row));
  return without_unremarkable_columns(table);
}

Table runs_table(const OrderedJson& report) {
  Table table{.columns = {{"Run", Align::Right},
                          {"Name"},
                          {"State"},
                          {"Model"},
                          {"Tasks", Align::Left, 2},
                          {"Documents", Align::Right, 1},
                          {"Shard", Align::Right, 0, ""},
                          {"Attempts", Align::Right, 4},
                          {"Started", Align::Left, 3}}};
  for (const auto& run : report["runs"]) {
    const auto state = text_of(run["state"]);
    table.rows.push_back(
        {{text_of(run["id"])},
         {text_of(run["name"])},
         {state, state == "complete" ? Emphasis::None : Emphasis::Warning},
         {text_of(run["model"])},
         {joined(run["tasks"])},
         {fmt::format("{}/{}", text_of(run["num_finished"]), text_of(run["num_documents"]))},
         {run["shard"].is_null() ? ""
                                 : fmt::format("{}/{}", text_of(run["shard"]["number"]),
                                               text_of(run["shard"]["count"]))},
         {text_of(run["num_attempts"])},
         {text_of(run["started"])}});
  }
  return without_unremarkable_columns(table);
}

std::string run_title(const OrderedJson& report) {
  const auto& run = report["run"];
  const auto& model = report["model"];
  const auto teacher =
      model.contains("teacher") ? ", teacher " + text_of(model["teacher"]["name"]) : "";
  const auto name = run["name"].is_null() ? "" : fmt::format(" \"{}\"", text_of(run["name"]));
  return fmt::format("Run {}{}: {}{}", text_of(run["id"]), name,
                     model.value("name", "a model without a name"), teacher);
}

std::string run_subtitle(const OrderedJson& report) {
  const auto& run = report["run"];
  return fmt::format("{}, numeric mode {}, seed {}; {}, {} of {} documents; begun {}",
                     text_of(run["dtype"]), text_of(run["numeric_mode"]), text_of(run["seed"]),
                     text_of(run["state"]), text_of(run["num_finished"]),
                     text_of(run["num_documents"]), text_of(run["started"]));
}

/// "tables" of a report: {"title", "columns": [...], "rows": [[...], ...]}, all of them texts; the
/// first column names the rows.
std::vector<TitledTable> further_tables(const OrderedJson& report) {
  std::vector<TitledTable> tables;
  for (const auto& json : report.value("tables", OrderedJson::array())) {
    auto& table = tables.emplace_back();
    table.title = text_of(json["title"]);
    for (const auto& column : json["columns"]) {
      table.table.columns.push_back(
          {text_of(column), table.table.columns.empty() ? Align::Left : Align::Right});
    }
    for (const auto& row : json["rows"]) {
      auto& cells = table.table.rows.emplace_back();
      for (const auto& cell : row) cells.push_back({text_of(cell)});
    }
  }
  return tables;
}

std::string no_subtitle(const OrderedJson&) { return ""; }
std::vector<Chart> no_charts(const OrderedJson&) { return {}; }

// A kind of report is a row: how it is headed and laid out.
struct Kind {
  const char* name;
  std::string (*title)(const OrderedJson&);
  std::string (*subtitle)(const OrderedJson&);
  Table (*table)(const OrderedJson&);
  std::vector<TitledTable> (*details)(const OrderedJson&);
  std::vector<Chart> (*charts)(const OrderedJson&);
};
const std::array kinds{
    Kind{"run", run_title, run_subtitle, results_table, further_tables, no_charts},
    Kind{"run_list",
         [](const OrderedJson& report) { return "Runs in " + text_of(report["store"]); },
         no_subtitle, runs_table, further_tables, no_charts},
    Kind{"training", training_title, training_subtitle, stages_table, training_details,
         training_charts},
    Kind{"training_list",
         [](const OrderedJson& report) { return "Training runs in " + text_of(report["store"]); },
         no_subtitle, training_list_table, further_tables, no_charts},
    Kind{"training_comparison",
         [](const OrderedJson& report) {
           return fmt::format("{} training runs of {}", report["runs"].size(),
                              text_of(report["store"]));
         },
         no_subtitle, compared_trainings_table, comparison_details, comparison_charts},
    Kind{"placement", placement_title, placement_subtitle, placement_table, further_tables,
         no_charts},
    Kind{"placement_list",
         [](const OrderedJson& report) {
           return "Placement searches in " + text_of(report["store"]);
         },
         no_subtitle, placement_list_table, further_tables, no_charts},
    Kind{"headline", headline_title, no_subtitle, headline_table, headline_details,
         headline_charts},
};

const Kind& kind_of(const OrderedJson& report) {
  const auto name = report.value("report", "");
  for (const auto& kind : kinds) {
    if (name == kind.name) return kind;
  }
  fail(
      "report '{}': expected run, run_list, training, training_list, training_comparison, "
      "placement, placement_list or headline; it was made by another version",
      name);
}

}  // namespace

Layout layout_of(const OrderedJson& report) {
  const auto& kind = kind_of(report);
  Layout layout{.title = kind.title(report),
                .subtitle = kind.subtitle(report),
                .table = kind.table(report),
                .details = kind.details(report),
                .charts = kind.charts(report),
                .notes = {}};
  for (const auto& note : report["notes"]) layout.notes.push_back(text_of(note));
  return layout;
}

}  // namespace hylo::reports
