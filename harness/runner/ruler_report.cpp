#include "harness/runner/ruler_report.h"

#include <algorithm>
#include <map>
#include <set>

#include "harness/runner/ruler_sets.h"
#include "reports/render/run_report.h"
#include "tasks/ruler/scoring.h"

namespace hylo::harness {
namespace {

namespace ruler = tasks::ruler;

constexpr auto absent = "\u2013";

/// Scores as RULER prints them, 0 to 100.
struct RulerScores {
  std::vector<std::string> tasks;  ///< in the order of the run
  std::set<int64_t> lengths;
  std::map<std::pair<std::string, int64_t>, double> scores;
  std::map<std::pair<std::string, int64_t>, int64_t> nulls;
};

RulerScores scores_in(const OrderedJson& results) {
  RulerScores found;
  for (const auto& row : results) {
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
    constexpr int printed_decimals = 2;
    found.scores[*at] = ruler::python_round(100 * value, printed_decimals);
  }
  return found;
}

std::string printed(double score) { return fmt::format("{:.2f}", score); }

OrderedJson task_row(const RulerScores& found, const std::string& task) {
  auto row = OrderedJson::array({task});
  for (const int64_t length : found.lengths) {
    const auto score = found.scores.find({task, length});
    const auto nulls = found.nulls.find({task, length});
    auto text = score == found.scores.end() ? absent : printed(score->second);
    if (nulls != found.nulls.end() && nulls->second > 0) {
      text += fmt::format(" ({} empty)", nulls->second);
    }
    row.push_back(text);
  }
  return row;
}

/// Of the lengths at which every task was run.
std::vector<ruler::LengthScore> averages_of(const RulerScores& found) {
  std::vector<ruler::LengthScore> averages;
  for (const int64_t length : found.lengths) {
    std::vector<double> scores;
    for (const auto& task : found.tasks) {
      const auto score = found.scores.find({task, length});
      if (score != found.scores.end()) scores.push_back(score->second);
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

std::string averages_text(const std::vector<ruler::LengthScore>& averages) {
  const auto over = ruler::averages_over_lengths(averages);
  return fmt::format("RULER over {} lengths: mean {:.2f}, wAvg. (inc) {:.2f}, wAvg. (dec) {:.2f}.",
                     averages.size(), over.plain, over.increasing, over.decreasing);
}

/// The threshold is for the mean of all thirteen tasks.
std::string effective_text(const std::vector<ruler::LengthScore>& averages) {
  const auto length = ruler::effective_length(averages);
  return fmt::format(
      "Effective length (largest with a mean of 13 tasks above {}, Llama-2-7B-chat at "
      "4K): {}.",
      ruler::effective_threshold, length ? fmt::format("{}", *length) : "none of these");
}

void add_scores(OrderedJson& report, const RulerScores& found) {
  OrderedJson table{{"title", "RULER, scores from 0 to 100 by length in tokens"},
                    {"columns", OrderedJson::array({"Task"})},
                    {"rows", OrderedJson::array()}};
  for (const int64_t length : found.lengths) table["columns"].push_back(fmt::format("{}", length));
  for (const auto& task : found.tasks) table["rows"].push_back(task_row(found, task));
  const auto averages = averages_of(found);
  if (found.tasks.size() > 1) table["rows"].push_back(average_row(found, averages));
  report["tables"].push_back(table);
  if (averages.size() > 1) report["notes"].push_back(averages_text(averages));
  const bool is_whole = found.tasks.size() == ruler::ruler_specs().size();
  if (is_whole && !averages.empty()) report["notes"].push_back(effective_text(averages));
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
  const auto found = scores_in(report["results"]);
  if (found.tasks.empty()) return report;
  report["tables"] = OrderedJson::array();
  add_scores(report, found);
  add_depths(report, store.means_by_tag(run.id, "depth"));
  return report;
}

}  // namespace hylo::harness
