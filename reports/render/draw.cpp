#include "reports/render/draw.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "harness/base/unicode.h"
#include "reports/render/run_report.h"
#include "reports/store/json_number.h"

namespace hylo::reports {
namespace {

constexpr auto absent = "\u2013";

std::string text_of(const OrderedJson& value) {
  if (value.is_null()) return absent;
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// Four decimals tell two systems apart on 10,000 documents; large perplexities need fewer.
std::string rounded(const OrderedJson& value) {
  const auto number = number_of(value);
  if (!number) return absent;
  if (!std::isfinite(*number)) return text_of(value);
  // What is small is not 0: a KL divergence of 5e-6 is a finding.
  constexpr double small = 0.01;
  if (*number != 0 && std::abs(*number) < small) return fmt::format("{:.3g}", *number);
  return std::abs(*number) < 1000 ? fmt::format("{:.4f}", *number) : fmt::format("{:.1f}", *number);
}

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

std::string joined(const OrderedJson& texts) {
  return fmt::format("{}", fmt::join(texts.get<std::vector<std::string>>(), ", "));
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

// A kind of report is a row: how it is headed and laid out.
struct Kind {
  const char* name;
  std::string (*title)(const OrderedJson&);
  std::string (*subtitle)(const OrderedJson&);
  Table (*table)(const OrderedJson&);
};
const std::array kinds{
    Kind{"run", run_title, run_subtitle, results_table},
    Kind{"run_list",
         [](const OrderedJson& report) { return "Runs in " + text_of(report["store"]); },
         [](const OrderedJson&) { return std::string(); }, runs_table},
};

const Kind& kind_of(const OrderedJson& report) {
  const auto name = report.value("report", "");
  for (const auto& kind : kinds) {
    if (name == kind.name) return kind;
  }
  fail("report '{}': expected run or run_list; it was made by another version", name);
}

struct TitledTable {
  std::string title;
  Table table;
};

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

std::vector<CsvRow> csv_rows(const OrderedJson& report) {
  std::vector<CsvRow> rows;
  if (report["report"] == "run") {
    for (const auto& result : report["results"]) rows.push_back(csv_result(report, result));
    for (const auto& group : report["groups"])
      rows.push_back(csv_group(report, group, rows.front()));
    return rows;
  }
  for (const auto& run : report["runs"]) {
    auto& row = rows.emplace_back();
    for (const auto& [key, value] : run.items()) row.emplace_back(key, value);
  }
  return rows;
}

std::string csv_line(const std::vector<std::string>& fields) {
  return fmt::format("{}\r\n", fmt::join(fields, ","));
}

}  // namespace

std::string report_for_terminal(const OrderedJson& report, const TerminalOptions& options) {
  const auto& kind = kind_of(report);
  const auto title = kind.title(report);
  const auto subtitle = kind.subtitle(report);
  std::string text = options.colour ? "\x1b[1m" + title + "\x1b[0m\n" : title + "\n";
  if (!subtitle.empty()) text += wrap(subtitle, options.width);
  text += "\n" + draw_terminal(kind.table(report), options);
  for (const auto& table : further_tables(report)) {
    text += "\n" + table.title + "\n\n" + draw_terminal(table.table, options);
  }
  constexpr int64_t readable = 100;
  for (const auto& note : report["notes"]) {
    text += "\n" + wrap(text_of(note), std::min(options.width, readable));
  }
  return text;
}

std::string report_as_markdown(const OrderedJson& report) {
  const auto& kind = kind_of(report);
  const auto subtitle = kind.subtitle(report);
  std::string text = "## " + kind.title(report) + "\n\n";
  if (!subtitle.empty()) text += subtitle + "\n\n";
  text += draw_markdown(kind.table(report));
  for (const auto& table : further_tables(report)) {
    text += "\n### " + table.title + "\n\n" + draw_markdown(table.table);
  }
  for (const auto& note : report["notes"]) text += "\n" + text_of(note) + "\n";
  return text;
}

std::string report_as_csv(const OrderedJson& report) {
  (void)kind_of(report);
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

std::string report_as_json(const OrderedJson& report) {
  return report.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

}  // namespace hylo::reports
