// Reports for spreadsheets.
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "harness/base/unicode.h"
#include "reports/render/cell_text.h"
#include "reports/render/draw.h"
#include "reports/render/layout.h"

namespace hylo::reports {
namespace {

std::string csv_field(const OrderedJson& value) {
  if (value.is_null()) return "";
  const auto text = value.is_array() ? joined(value) : text_of(value);
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return "\"" + replace_all(text, "\"", "\"\"") + "\"";
}

using CsvRow = std::vector<std::pair<std::string, OrderedJson>>;

CsvRow csv_result(const OrderedJson& report, const OrderedJson& result) {
  CsvRow row{{"run", report["run"]["id"]},
             {"name", report["run"]["name"]},
             {"model", report["model"].value("name", "")}};
  for (const auto& [key, value] : result.items()) {
    if (key != "interval_95") {
      row.emplace_back(key, value);
      continue;
    }
    row.emplace_back("interval_95_low", value.is_null() ? value : value[0]);
    row.emplace_back("interval_95_high", value.is_null() ? value : value[1]);
  }
  return row;
}

/// In the columns of the tasks; what a group does not have stays empty.
CsvRow csv_group(const OrderedJson& report, const OrderedJson& group, const CsvRow& columns) {
  auto result = group;
  result["task"] = group["group"];
  result["aggregation"] = "mean of " + text_of(group["mean"]);
  result["interval_95"] = nullptr;
  const auto own = csv_result(report, result);
  CsvRow row;
  for (const auto& [key, value] : columns) {
    const auto found = std::ranges::find(own, key, &CsvRow::value_type::first);
    row.emplace_back(key, found == own.end() ? OrderedJson(nullptr) : found->second);
  }
  return row;
}

std::vector<CsvRow> csv_results(const OrderedJson& report) {
  std::vector<CsvRow> rows;
  for (const auto& result : report["results"]) rows.push_back(csv_result(report, result));
  for (const auto& group : report["groups"]) rows.push_back(csv_group(report, group, rows.front()));
  return rows;
}

/// A row per point of a training run's curves.
void add_points(const OrderedJson& run, const OrderedJson& curves, std::vector<CsvRow>& rows) {
  for (const auto& curve : curves) {
    for (const auto& point : curve["points"]) {
      auto& row = rows.emplace_back();
      row = {{"run", run["id"]},
             {"name", run["name"]},
             {"stage", curve["stage"]},
             {"stage_name", curve["name"]},
             {"kind", curve["kind"]}};
      for (const auto& [key, value] : point.items()) row.emplace_back(key, value);
    }
  }
}

/// Where the rows of a report are that has no curves.
const char* rows_key(const OrderedJson& report) {
  if (report["report"] == "placement") return "scores";
  if (report["report"] == "headline") return "rows";
  return report["report"] == "placement_list" ? "searches" : "runs";
}

std::vector<CsvRow> csv_rows(const OrderedJson& report) {
  if (report["report"] == "run") return csv_results(report);
  std::vector<CsvRow> rows;
  if (report["report"] == "training") {
    add_points(report["training"], report["curves"], rows);
    return rows;
  }
  if (report["report"] == "training_comparison") {
    for (const auto& run : report["runs"]) add_points(run, run["curves"], rows);
    return rows;
  }
  for (const auto& one : report[rows_key(report)]) {
    auto& row = rows.emplace_back();
    for (const auto& [key, value] : one.items()) row.emplace_back(key, value);
  }
  return rows;
}

std::string csv_line(const std::vector<std::string>& fields) {
  return fmt::format("{}\r\n", fmt::join(fields, ","));
}

}  // namespace

std::string report_as_csv(const OrderedJson& report) {
  (void)layout_of(report);  // a kind that is not known
  std::string text;
  for (const auto& row : csv_rows(report)) {
    std::vector<std::string> keys;
    std::vector<std::string> fields;
    for (const auto& [key, value] : row) {
      keys.push_back(key);
      fields.push_back(csv_field(value));
    }
    if (text.empty()) text = csv_line(keys);
    text += csv_line(fields);
  }
  return text;
}

}  // namespace hylo::reports
