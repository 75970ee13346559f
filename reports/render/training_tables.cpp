#include "reports/render/training_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "reports/render/cell_text.h"
#include "reports/render/training_evaluations.h"
#include "reports/store/json_number.h"

namespace hylo::reports {
namespace {

Cell state_cell(const OrderedJson& state) {
  const bool is_well = state == "complete" || state == "running";
  return {text_of(state), is_well ? Emphasis::None : Emphasis::Warning};
}

std::string done_of(const OrderedJson& row) {
  return thousands_of(row["num_steps_done"]) + "/" + thousands_of(row["num_steps"]);
}

/// "night", or "run 3" of one without a name.
std::string run_label(const OrderedJson& run) {
  return run["name"].is_null() ? "run " + text_of(run["id"]) : text_of(run["name"]);
}

std::string ratio_of(const OrderedJson& value) {
  return value.is_number() ? fmt::format("{:.3f}", value.get<double>()) : text_of(value);
}

std::string signed_of(const OrderedJson& value) {
  return value.is_number() ? fmt::format("{:+.4f}", value.get<double>()) : text_of(value);
}

std::vector<Cell> validation_cells(const OrderedJson& row) {
  return {{text_of(row["data"])},
          {thousands_of(row["num_tokens"])},
          {rounded(row["cross_entropy"])},
          {rounded(row["standard_error"])},
          {rounded(row["perplexity"])},
          {rounded(row["teacher_perplexity"])},
          {ratio_of(row["ratio_to_teacher"])},
          {rounded(row["preference_loss"])},
          {rounded(row["margin"])},
          {rounded(row["preference_accuracy"])}};
}

const std::vector<Column> validation_columns{{"Data"},
                                             {"Tokens", Align::Right, 3},
                                             {"Nats/token", Align::Right, 2},
                                             {"\u00b1", Align::Right, 1},
                                             {"Perplexity", Align::Right},
                                             {"Teacher's", Align::Right, 0, absent},
                                             {"Ratio", Align::Right, 0, absent},
                                             {"Nats/pair", Align::Right, 0, absent},
                                             {"Margin", Align::Right, 0, absent},
                                             {"Preferred", Align::Right, 0, absent}};

Table validations_table(const OrderedJson& report) {
  Table table{.columns = {{"Stage"}, {"Step", Align::Right}, {"Trained on", Align::Right, 4}}};
  table.columns.insert(table.columns.end(), validation_columns.begin(), validation_columns.end());
  for (const auto& row : report["validations"]) {
    auto& cells = table.rows.emplace_back();
    cells = {
        {text_of(row["stage_name"])}, {thousands_of(row["step"])}, {thousands_of(row["tokens"])}};
    for (auto& cell : validation_cells(row)) cells.push_back(std::move(cell));
  }
  return without_unremarkable_columns(table);
}

Table attempts_table(const OrderedJson& report) {
  Table table{.columns = {{"Started"},
                          {"Last written", Align::Left, 2},
                          {"From stage", Align::Right},
                          {"Step", Align::Right},
                          {"Steps deleted", Align::Right, 0, "0"},
                          {"State"},
                          {"Why", Align::Left, 0, absent},
                          {"Process", Align::Right, 3},
                          {"Host", Align::Left, 4}}};
  for (const auto& row : report["attempts"]) {
    table.rows.push_back({{text_of(row["started"])},
                          {text_of(row["last_saved"])},
                          {text_of(row["from_stage"])},
                          {thousands_of(row["from_step"])},
                          {thousands_of(row["num_dropped_steps"])},
                          state_cell(row["state"]),
                          {text_of(row["failure"]), Emphasis::Warning},
                          {text_of(row["process"])},
                          {text_of(row["host"])}});
  }
  return without_unremarkable_columns(table);
}

/// Nothing where no point has a value.
std::optional<Series> series_of(const OrderedJson& points, const char* key, const std::string& name,
                                const char* x_key = "tokens") {
  Series series{.name = name, .points = {}};
  for (const auto& point : points) {
    const auto value = number_of(point[key]);
    if (value) series.points.emplace_back(point[x_key].get<double>(), *value);
  }
  return series.points.empty() ? std::nullopt : std::optional(series);
}

constexpr auto tokens_of_stage = "tokens of the stage";

void add_chart(std::vector<Chart>& charts, Chart chart, std::optional<Series> series) {
  if (!series) return;
  chart.series.push_back(std::move(*series));
  charts.push_back(std::move(chart));
}

void add_stage_charts(std::vector<Chart>& charts, const OrderedJson& curve) {
  const auto& points = curve["points"];
  const auto stage = text_of(curve["name"]) + " (" + text_of(curve["kind"]) + ")";
  Chart loss{.title = "Loss of " + stage, .x_title = tokens_of_stage, .series = {}};
  for (const auto& [key, name] : {std::pair{"loss", "loss"},
                                  {"divergence", "divergence"},
                                  {"cross_entropy", "cross-entropy"},
                                  {"layer_distance", "layers"},
                                  {"mixer_distance", "mixers"}}) {
    auto series = series_of(points, key, name);
    // A part that is all of the loss says nothing more.
    const bool is_the_loss =
        series && !loss.series.empty() && series->points == loss.series.front().points;
    if (series && !is_the_loss) loss.series.push_back(std::move(*series));
  }
  if (!loss.series.empty()) charts.push_back(std::move(loss));
  const auto detail = [&](const std::string& title) {
    return Chart{.title = title + " of " + stage,
                 .x_title = tokens_of_stage,
                 .series = {},
                 .is_detail = true};
  };
  add_chart(charts, detail("Margin of preferences"), series_of(points, "margin", "nats"));
  add_chart(charts, detail("Pairs the right way round"),
            series_of(points, "preference_accuracy", "share"));
  add_chart(charts, detail("Gradient norm"), series_of(points, "gradient_norm", "norm"));
  add_chart(charts, detail("Learning rate"), series_of(points, "learning_rate", "rate"));
  add_chart(charts, detail("Tokens per second"),
            series_of(points, "tokens_per_second", "tokens/s"));
}

/// Perplexity over all tokens trained on, one series per data.
void add_validation_series(std::vector<Series>& all, const OrderedJson& validations,
                           const std::string& prefix) {
  std::map<std::string, OrderedJson> by_data;
  for (const auto& row : validations) by_data[row["data"].get<std::string>()].push_back(row);
  for (const auto& [data, rows] : by_data) {
    if (auto series = series_of(rows, "perplexity", prefix + data)) all.push_back(*series);
  }
}

bool has_course(const Chart& chart) {
  return std::ranges::any_of(chart.series, [](const Series& s) { return s.points.size() > 1; });
}

void add_validation_chart(std::vector<Chart>& charts, std::vector<Series> series) {
  Chart chart{.title = "Perplexity on held-out data", .x_title = "tokens", .series = {}};
  chart.series = std::move(series);
  if (has_course(chart)) charts.push_back(std::move(chart));
}

}  // namespace

std::string training_title(const OrderedJson& report) {
  const auto& run = report["training"];
  const auto name = run["name"].is_null() ? "" : fmt::format(" \"{}\"", text_of(run["name"]));
  const auto teacher =
      run["teacher"].is_null() ? "" : ", teacher " + text_of(run["teacher"]["name"]);
  return fmt::format("Training run {}{}: {}{}", text_of(run["id"]), name, text_of(run["recipe"]),
                     teacher);
}

std::string training_subtitle(const OrderedJson& report) {
  const auto& run = report["training"];
  auto text = fmt::format("{}, {}, seed {}", text_of(run["state"]), text_of(run["dtype"]),
                          text_of(run["seed"]));
  if (!run["num_threads"].is_null())
    text += fmt::format(", {} threads", text_of(run["num_threads"]));
  text += fmt::format("; begun {}, last written {}; into {}", text_of(run["started"]),
                      text_of(run["last_saved"]), text_of(run["output_folder"]));
  for (const auto& stage : report["stages"]) {
    if (stage["seconds_left"].is_null()) continue;
    text += fmt::format("; about {} left in {}", duration_of(stage["seconds_left"]),
                        text_of(stage["name"]));
  }
  return text;
}

Table stages_table(const OrderedJson& report) {
  Table table{.columns = {{"#", Align::Right},
                          {"Stage"},
                          {"Kind", Align::Left, 2},
                          {"Context", Align::Right, 4},
                          {"Steps", Align::Right},
                          {"Tokens", Align::Right},
                          {"Time", Align::Right},
                          {"Tokens/s", Align::Right, 1},
                          {"Memory", Align::Right, 3, absent},
                          {"First loss", Align::Right},
                          {"Last loss", Align::Right},
                          {"Best perplexity", Align::Right, 0, absent},
                          {"Ratio", Align::Right, 0, absent}}};
  for (const auto& row : report["stages"]) {
    table.rows.push_back({{text_of(row["stage"])},
                          {text_of(row["name"])},
                          {text_of(row["kind"])},
                          {thousands_of(row["context_length"])},
                          {done_of(row)},
                          {thousands_of(row["num_tokens"])},
                          {duration_of(row["seconds"])},
                          {thousands_of(row["tokens_per_second"])},
                          {bytes_of(row["peak_resident_bytes"])},
                          {rounded(row["first_loss"])},
                          {rounded(row["last_loss"])},
                          {rounded(row["best_perplexity"])},
                          {ratio_of(row["best_ratio_to_teacher"])}});
  }
  return without_unremarkable_columns(table);
}

std::vector<TitledTable> training_details(const OrderedJson& report) {
  std::vector<TitledTable> tables;
  if (!report["validations"].empty()) tables.push_back({"Validations", validations_table(report)});
  if (!report["evaluations"].empty()) {
    tables.push_back({"Evaluations", training_evaluations_table(report)});
  }
  const bool one_well = report["attempts"].size() == 1 && report["training"]["failure"].is_null();
  if (!one_well) tables.push_back({"Attempts", attempts_table(report)});
  return tables;
}

std::vector<Chart> training_charts(const OrderedJson& report) {
  std::vector<Chart> charts;
  for (const auto& curve : report["curves"]) add_stage_charts(charts, curve);
  std::vector<Series> series;
  add_validation_series(series, report["validations"], "");
  add_validation_chart(charts, std::move(series));
  add_evaluation_charts(charts, report);
  return charts;
}

Table training_list_table(const OrderedJson& report) {
  Table table{.columns = {{"Run", Align::Right},
                          {"Name"},
                          {"State"},
                          {"Recipe"},
                          {"Teacher", Align::Left, 2},
                          {"Steps", Align::Right, 1},
                          {"Tokens", Align::Right},
                          {"Time", Align::Right},
                          {"Attempts", Align::Right, 4},
                          {"Started", Align::Left, 3}}};
  for (const auto& run : report["runs"]) {
    table.rows.push_back({{text_of(run["id"])},
                          {text_of(run["name"])},
                          state_cell(run["state"]),
                          {text_of(run["recipe"])},
                          {text_of(run["teacher"])},
                          {done_of(run)},
                          {thousands_of(run["num_tokens"])},
                          {duration_of(run["seconds"])},
                          {text_of(run["num_attempts"])},
                          {text_of(run["started"])}});
  }
  return table;
}

Table compared_trainings_table(const OrderedJson& report) {
  Table table{.columns = {{"Run", Align::Right},
                          {"Name"},
                          {"Recipe", Align::Left, 1},
                          {"State"},
                          {"Steps", Align::Right, 2},
                          {"Tokens", Align::Right},
                          {"Time", Align::Right},
                          {"Tokens/s", Align::Right, 3},
                          {"Last stage", Align::Left},
                          {"Last loss", Align::Right}}};
  for (const auto& run : report["runs"]) {
    table.rows.push_back({{text_of(run["id"])},
                          {text_of(run["name"])},
                          {text_of(run["recipe"])},
                          state_cell(run["state"]),
                          {done_of(run)},
                          {thousands_of(run["num_tokens"])},
                          {duration_of(run["seconds"])},
                          {thousands_of(run["tokens_per_second"])},
                          {text_of(run["last_stage"])},
                          {rounded(run["last_loss"])}});
  }
  return table;
}

/// "night - day": a run less the first.
Table paired_table(const OrderedJson& report) {
  Table table{.columns = {{"Run"},
                          {"Less"},
                          {"Data", Align::Left, 2},
                          {"Documents", Align::Right, 1},
                          {"Nats/token", Align::Right},
                          {"\u00b1", Align::Right},
                          {"95 %", Align::Right}}};
  for (const auto& row : report["paired"]) {
    const OrderedJson first{{"id", row["first_id"]}, {"name", row["first_name"]}};
    const bool has_interval = row["interval_low"].is_number();
    table.rows.push_back(
        {{run_label(row)},
         {run_label(first)},
         {text_of(row["data"])},
         {thousands_of(row["num_documents"])},
         {signed_of(row["difference"])},
         {rounded(row["standard_error"])},
         {has_interval ? signed_of(row["interval_low"]) + " to " + signed_of(row["interval_high"])
                       : std::string(absent)}});
  }
  return table;
}

std::vector<TitledTable> comparison_details(const OrderedJson& report) {
  Table validations{.columns = {{"Run"}}};
  validations.columns.insert(validations.columns.end(), validation_columns.begin(),
                             validation_columns.end());
  validations.columns.push_back({"Best", Align::Right});
  Table differences{.columns = {{"Setting"}}};
  for (const auto& run : report["runs"]) {
    differences.columns.push_back({run_label(run)});
    for (const auto& row : run["last_validations"]) {
      auto& cells = validations.rows.emplace_back();
      cells.push_back({run_label(run)});
      for (auto& cell : validation_cells(row)) cells.push_back(std::move(cell));
      cells.push_back({rounded(row["best_perplexity"])});
    }
  }
  for (const auto& row : report["differences"]) {
    auto& cells = differences.rows.emplace_back();
    cells.push_back({text_of(row["setting"])});
    for (const auto& value : row["values"]) cells.push_back({text_of(value)});
  }
  std::vector<TitledTable> tables;
  if (!validations.rows.empty()) {
    tables.push_back({"Last validations", without_unremarkable_columns(validations)});
  }
  if (!report["paired"].empty()) {
    tables.push_back({"Differences on the same held-out documents", paired_table(report)});
  }
  if (!differences.rows.empty()) tables.push_back({"What differs", differences});
  return tables;
}

std::vector<Chart> comparison_charts(const OrderedJson& report) {
  std::vector<Chart> charts;
  // Stages of one name are of one kind where recipes are like each other: an ablation.
  std::map<std::string, Chart> by_stage;
  std::vector<Series> validations;
  for (const auto& run : report["runs"]) {
    for (const auto& curve : run["curves"]) {
      auto series = series_of(curve["points"], "loss", run_label(run));
      if (!series) continue;
      const auto stage = text_of(curve["name"]) + " (" + text_of(curve["kind"]) + ")";
      auto& chart = by_stage[stage];
      chart.title = "Loss of " + stage;
      chart.x_title = tokens_of_stage;
      chart.series.push_back(std::move(*series));
    }
    add_validation_series(validations, run["validations"], run_label(run) + ": ");
  }
  for (auto& [stage, chart] : by_stage) charts.push_back(std::move(chart));
  add_validation_chart(charts, std::move(validations));
  return charts;
}

}  // namespace hylo::reports
