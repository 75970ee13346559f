#include "harness/runner/ruler_report.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "harness/runner/ruler_sets.h"
#include "reports/compare/mean_of_cells.h"
#include "reports/render/run_report.h"
#include "reports/store/json_number.h"
#include "tasks/ruler/scoring.h"

namespace hylo::harness {
namespace {

namespace ruler = tasks::ruler;

constexpr auto absent = "\u2013";

using Cell = std::pair<std::string, int64_t>;  ///< task and length

/// Scores as RULER prints them, 0 to 100.
struct RulerScores {
  std::vector<std::string> tasks;  ///< in the order of the run
  std::set<int64_t> lengths;
  std::map<Cell, double> scores;
  std::map<Cell, int64_t> nulls;
  std::set<Cell> partial;                                       ///< samples are missing
  std::map<Cell, std::vector<reports::WeightedValue>> samples;  ///< 0 to 1, with their clusters

  [[nodiscard]] bool is_whole(const Cell& cell) const {
    return scores.contains(cell) && !partial.contains(cell);
  }
};

RulerScores scores_in(const OrderedJson& report) {
  RulerScores found;
  for (const auto& row : report["results"]) {
    const auto at = parse_set_name(row["task"].get<std::string>());
    if (!at || row["value"].is_null()) continue;
    const auto value = row["value"].get<double>();
    if (row["metric"] == "null") {
      found.nulls[*at] = std::llround(value * row["n"].get<double>());
      continue;
    }
    if (std::ranges::find(found.tasks, at->first) == found.tasks.end()) {
      found.tasks.push_back(at->first);
    }
    found.lengths.insert(at->second);
    if (row["partial"].get<bool>()) found.partial.insert(*at);
    constexpr int printed_decimals = 2;
    found.scores[*at] = ruler::python_round(100 * value, printed_decimals);
  }
  return found;
}

void add_samples(RulerScores& found, const reports::Store& store, int64_t run,
                 const OrderedJson& tasks) {
  auto samples = store.first_scores(run);
  for (size_t cell = 0; cell < samples.size(); ++cell) {
    const auto at = parse_set_name(tasks[cell]["task"].get<std::string>());
    if (at) found.samples[*at] = std::move(samples[cell]);
  }
}

std::string printed(double score) { return fmt::format("{:.2f}", score); }

/// Scores that are all the same do not tell how others would be: 0 is no error then.
bool tells_error(const reports::MeanOfCells& mean) {
  constexpr double rounding = 1e-12;
  return mean.best_error().value_or(0) > rounding;
}

std::string printed(double score, const reports::MeanOfCells& mean) {
  return tells_error(mean) ? fmt::format("{:.2f} \u00b1 {:.2f}", score, 100 * *mean.best_error())
                           : printed(score);
}

/// Means over the lengths at which all of these tasks are there and whole. Nothing for
/// fewer than two lengths.
struct MeanOverLengths {
  std::vector<std::string> tasks;
  std::vector<ruler::LengthScore> lengths;      ///< with the printed means of these tasks
  reports::MeanOfCells mean;                    ///< of shares, 0 to 1
  reports::MeanOfCells increasing, decreasing;  ///< the same by the weights of wAvg.
};

std::optional<MeanOverLengths> mean_over_lengths(const RulerScores& found,
                                                 const std::vector<std::string>& tasks) {
  MeanOverLengths over{.tasks = tasks};
  std::vector<std::vector<reports::WeightedValue>> cells;
  for (const int64_t length : found.lengths) {
    const auto is_whole = [&](const std::string& task) { return found.is_whole({task, length}); };
    if (!std::ranges::all_of(tasks, is_whole)) continue;
    std::vector<double> scores;
    for (const auto& task : tasks) {
      scores.push_back(found.scores.at({task, length}));
      cells.push_back(found.samples.at({task, length}));
    }
    over.lengths.push_back({length, ruler::average_over_tasks(scores)});
  }
  if (over.lengths.size() < 2) return std::nullopt;
  std::vector<double> increasing;
  for (size_t c = 0; c < cells.size(); ++c) {
    increasing.push_back(static_cast<double>(1 + c / tasks.size()));
  }
  over.mean = reports::mean_of_cells(cells);
  over.increasing = reports::mean_of_cells(cells, increasing);
  // The cells of a length weigh alike, so their order does not matter.
  std::ranges::reverse(increasing);
  over.decreasing = reports::mean_of_cells(cells, increasing);
  return over;
}

/// Of every task, and of all together.
std::vector<MeanOverLengths> means_over_lengths(const RulerScores& found) {
  std::vector<MeanOverLengths> means;
  const auto add = [&](const std::vector<std::string>& tasks) {
    if (auto mean = mean_over_lengths(found, tasks)) means.push_back(std::move(*mean));
  };
  for (const auto& task : found.tasks) add({task});
  if (found.tasks.size() > 1) add(found.tasks);
  return means;
}

OrderedJson json_of(const reports::MeanOfCells& mean) {
  return {{"value", reports::json_number(mean.value)},
          {"standard_error", reports::json_number(mean.standard_error)},
          {"clustered_error", reports::json_number(mean.clustered_error)}};
}

OrderedJson json_of(const MeanOverLengths& over) {
  auto lengths = OrderedJson::array();
  for (const auto& at : over.lengths) lengths.push_back(at.length);
  OrderedJson json{{"tasks", over.tasks}, {"lengths", lengths}};
  json.update(json_of(over.mean));
  json.update({{"n", over.mean.n},
               {"num_clusters", over.mean.num_clusters},
               {"increasing", json_of(over.increasing)},
               {"decreasing", json_of(over.decreasing)}});
  return json;
}

/// Of a row of the table; a mean over some of the lengths would stand beside others that are not
/// it.
std::string mean_cell(const RulerScores& found, const std::vector<MeanOverLengths>& means,
                      const std::vector<std::string>& tasks) {
  const auto over = std::ranges::find(means, tasks, &MeanOverLengths::tasks);
  if (over == means.end() || over->lengths.size() < found.lengths.size()) return absent;
  return printed(ruler::averages_over_lengths(over->lengths).plain, over->mean);
}

OrderedJson task_row(const RulerScores& found, const std::string& task) {
  auto row = OrderedJson::array({task});
  for (const int64_t length : found.lengths) {
    const auto score = found.scores.find({task, length});
    const auto nulls = found.nulls.find({task, length});
    auto text = score == found.scores.end() ? absent : printed(score->second);
    if (nulls != found.nulls.end() && nulls->second > 0) {
      text += fmt::format(" ({} empty)", nulls->second);
    }
    if (found.partial.contains({task, length})) text += " PARTIAL";
    row.push_back(text);
  }
  return row;
}

/// Of the lengths at which every task was run to its end.
std::vector<ruler::LengthScore> averages_of(const RulerScores& found) {
  std::vector<ruler::LengthScore> averages;
  for (const int64_t length : found.lengths) {
    std::vector<double> scores;
    for (const auto& task : found.tasks) {
      if (found.is_whole({task, length})) scores.push_back(found.scores.at({task, length}));
    }
    if (scores.size() == found.tasks.size()) {
      averages.push_back({length, ruler::average_over_tasks(scores)});
    }
  }
  return averages;
}

OrderedJson average_row(const RulerScores& found, const std::vector<ruler::LengthScore>& averages) {
  auto row = OrderedJson::array({fmt::format("mean of {} tasks", found.tasks.size())});
  for (const int64_t length : found.lengths) {
    const auto average = std::ranges::find(averages, length, &ruler::LengthScore::length);
    row.push_back(average == averages.end() ? absent : printed(average->score));
  }
  return row;
}

std::string averages_text(const MeanOverLengths& over) {
  const auto averages = ruler::averages_over_lengths(over.lengths);
  return fmt::format("RULER over {} lengths: mean {}, wAvg. (inc) {}, wAvg. (dec) {}.",
                     over.lengths.size(), printed(averages.plain, over.mean),
                     printed(averages.increasing, over.increasing),
                     printed(averages.decreasing, over.decreasing));
}

constexpr auto error_note =
    "\u00b1 beside a mean over lengths is its standard error over samples. Where all samples of a "
    "task and length score the same, they add nothing to it; where that is so at every length, "
    "nothing tells how other samples would score, and there is no \u00b1.";
constexpr auto clusters_note =
    "It is clustered: samples that go together are one draw, at whatever lengths and in whatever "
    "tasks they stand. These are questions about one article, one question, and in the compat mode "
    "samples that ask for the same, as all of them draw from one random stream.";

std::string error_text(const std::vector<MeanOverLengths>& means) {
  const bool has_clusters = std::ranges::any_of(means, [](const MeanOverLengths& over) {
    return tells_error(over.mean) && over.mean.num_clusters < over.mean.n;
  });
  return std::string(error_note) + (has_clusters ? fmt::format(" {}", clusters_note) : "");
}

/// What the sets were made of: numbers of other texts are not comparable.
struct Origin {
  std::set<std::string> modes, generated;
};

Origin origin_of(const OrderedJson& tasks) {
  Origin origin;
  for (const auto& task : tasks) {
    const auto& variant = task["variant"];
    if (!variant.contains("mode") || !variant.contains("sources")) continue;
    origin.modes.insert(variant["mode"].get<std::string>());
    for (const auto& [part, identity] : variant["sources"].items()) {
      const bool is_generated =
          identity.is_string() && identity.get<std::string>().starts_with("generated");
      if (is_generated) origin.generated.insert(part);
    }
  }
  return origin;
}

std::string origin_text(const Origin& origin) {
  auto text = fmt::format("RULER on samples of mode {}", fmt::join(origin.modes, " and "));
  if (!origin.generated.empty()) {
    text += fmt::format("; generated by hylo: {}", fmt::join(origin.generated, ", "));
  }
  const bool is_reference =
      origin.generated.empty() && origin.modes == std::set<std::string>{"compat"};
  return text + (is_reference ? "."
                              : ". These are not the samples of the reference generator: hold them "
                                "against other models on the same sets, not against published "
                                "tables.");
}

/// The threshold is for the mean of all thirteen tasks.
std::string effective_text(const std::vector<ruler::LengthScore>& averages) {
  const auto length = ruler::effective_length(averages);
  return fmt::format(
      "Effective length (largest with a mean of 13 tasks above {}, Llama-2-7B-chat at "
      "4K): {}.",
      ruler::effective_threshold, length ? fmt::format("{}", *length) : "none of these");
}

void add_mean_column(OrderedJson& table, const RulerScores& found,
                     const std::vector<MeanOverLengths>& means) {
  table["columns"].push_back("mean");
  auto& rows = table["rows"];
  for (size_t i = 0; i < found.tasks.size(); ++i) {
    rows[i].push_back(mean_cell(found, means, {found.tasks[i]}));
  }
  if (found.tasks.size() > 1) rows.back().push_back(mean_cell(found, means, found.tasks));
}

void add_scores(OrderedJson& report, const RulerScores& found) {
  OrderedJson table{{"title", "RULER, scores from 0 to 100 by length in tokens"},
                    {"columns", OrderedJson::array({"Task"})},
                    {"rows", OrderedJson::array()}};
  for (const int64_t length : found.lengths) table["columns"].push_back(fmt::format("{}", length));
  for (const auto& task : found.tasks) table["rows"].push_back(task_row(found, task));
  const auto averages = averages_of(found);
  if (found.tasks.size() > 1) table["rows"].push_back(average_row(found, averages));
  const auto means = means_over_lengths(found);
  if (found.lengths.size() > 1) add_mean_column(table, found, means);
  report["tables"].push_back(table);
  if (averages.size() > 1) {
    report["notes"].push_back(averages_text(means.back()));
  }
  if (!means.empty()) {
    report["notes"].push_back(error_text(means));
    for (const auto& mean : means) report["means_over_lengths"].push_back(json_of(mean));
  }
  const auto origin = origin_of(report["tasks"]);
  report["notes"].push_back(origin_text(origin));
  const bool is_whole = found.tasks.size() == ruler::ruler_specs().size();
  const bool is_reference = origin.generated.empty() && !origin.modes.contains("strict");
  if (is_whole && is_reference && !averages.empty()) {
    report["notes"].push_back(effective_text(averages));
  }
}

void add_depths(OrderedJson& report, const std::vector<reports::TagMean>& means) {
  if (means.empty()) return;
  constexpr int64_t num_depths = 10;
  OrderedJson table{{"title", "RULER, scores by depth: tenths of the text, the beginning first"},
                    {"columns", OrderedJson::array({"Task"})},
                    {"rows", OrderedJson::array()}};
  for (int64_t depth = 0; depth < num_depths; ++depth) {
    table["columns"].push_back(fmt::format("{}-{} %", 10 * depth, 10 * depth + 10));
  }
  std::map<int64_t, OrderedJson> rows;
  for (const auto& mean : means) {
    auto& row = rows[mean.cell];
    if (row.is_null()) {
      row = OrderedJson::array({report["tasks"][static_cast<size_t>(mean.cell)]["task"]});
      for (int64_t depth = 0; depth < num_depths; ++depth) row.push_back(absent);
    }
    row.at(1 + std::stoul(mean.tag_value)) = printed(100 * mean.mean);
  }
  for (auto& [cell, row] : rows) table["rows"].push_back(row);
  report["tables"].push_back(table);
}

}  // namespace

OrderedJson run_report_with_ruler(const reports::Store& store, const reports::RunSummary& run) {
  auto report = reports::run_report(store, run);
  auto found = scores_in(report);
  if (found.tasks.empty()) return report;
  add_samples(found, store, run.id, report["tasks"]);
  report["tables"] = OrderedJson::array();
  add_scores(report, found);
  add_depths(report, store.means_by_tag(run.id, "depth"));
  return report;
}

}  // namespace hylo::harness
