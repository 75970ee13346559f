#include "reports/render/headline_report.h"

#include <fmt/format.h>

#include <functional>

#include "reports/render/cell_text.h"

namespace hylo::reports {
namespace {

constexpr double percent = 100;

/// "80.6", or "80.6 ± 1.2".
std::string percent_of(const OrderedJson& share, const OrderedJson& error = nullptr) {
  if (share.is_null()) return absent;
  const auto value = fmt::format("{:.1f}", share.get<double>() * percent);
  if (error.is_null() || error == 0) return value;
  return fmt::format("{} \u00b1 {:.1f}", value, error.get<double>() * percent);
}

std::string memory_of(const OrderedJson& row) {
  const auto bytes = row["cache_bytes"].get<int64_t>() + row["state_bytes"].get<int64_t>();
  return fmt::format("{} ({})", bytes_of(bytes), percent_of(row["share_of_teachers_cache"]) + " %");
}

using Rows = std::vector<OrderedJson>;  // Of one arm, a length each.

std::vector<Rows> arms_of(const OrderedJson& report) {
  std::vector<Rows> arms;
  for (const auto& row : report["rows"]) {
    if (arms.empty() || arms.back().front()["arm"] != row["arm"]) arms.emplace_back();
    arms.back().push_back(row);
  }
  return arms;
}

std::vector<Column> columns_of(const std::vector<Rows>& arms, std::vector<Column> columns) {
  if (arms.empty()) return columns;
  for (const auto& row : arms.front()) {
    columns.push_back({fmt::format("{} ({}x)", thousands_of(row["length"]), text_of(row["times"])),
                       Align::Right});
  }
  return columns;
}

using CellText = std::function<std::string(const OrderedJson& row)>;

/// A line for each arm, a column for each length.
Table by_length(const OrderedJson& report, const CellText& text) {
  const auto arms = arms_of(report);
  Table table{.columns = columns_of(arms, {{"Model"}}), .rows = {}};
  for (const auto& arm : arms) {
    auto& line = table.rows.emplace_back(std::vector<Cell>{{text_of(arm.front()["arm"])}});
    for (const auto& row : arm) line.push_back({text(row)});
  }
  return table;
}

Table by_task(const OrderedJson& report) {
  const auto arms = arms_of(report);
  Table table{.columns = columns_of(arms, {{"Model"}, {"Task"}}), .rows = {}};
  for (const auto& arm : arms) {
    for (const auto& task : report["tasks"]) {
      auto& line = table.rows.emplace_back(
          std::vector<Cell>{{text_of(arm.front()["arm"])}, {text_of(task)}});
      for (const auto& row : arm) line.push_back({percent_of(row[text_of(task)])});
    }
  }
  return table;
}

}  // namespace

std::string headline_title(const OrderedJson& report) { return text_of(report["title"]); }

Table headline_table(const OrderedJson& report) {
  return by_length(report, [](const OrderedJson& row) {
    return percent_of(row["score"], row["standard_error"]);
  });
}

std::vector<TitledTable> headline_details(const OrderedJson& report) {
  return {{"Found of each task, %", by_task(report)},
          {"Cache and states of a sequence (share of the teacher's)", by_length(report, memory_of)},
          {"Seconds to read a prompt and write a token",
           by_length(report, [](const auto& row) { return rounded(row["seconds_a_prompt"]); })}};
}

std::vector<Chart> headline_charts(const OrderedJson& report) {
  Chart chart{.title = "Found, %", .x_title = "tokens", .series = {}};
  for (const auto& arm : arms_of(report)) {
    auto& series = chart.series.emplace_back(Series{text_of(arm.front()["arm"]), {}});
    for (const auto& row : arm) {
      if (row["score"].is_null()) continue;
      series.points.emplace_back(row["length"].get<double>(), row["score"].get<double>() * percent);
    }
  }
  return {chart};
}

}  // namespace hylo::reports
