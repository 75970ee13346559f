#include "harness/runner/rescore.h"

#include <algorithm>
#include <unordered_map>

#include "harness/base/error.h"
#include "harness/base/version.h"
#include "harness/runner/run_record.h"
#include "reports/store/json_number.h"
#include "tasks/catalog.h"

namespace hylo::harness {
namespace {

void require_same_task(const PlannedTask& now, const reports::CellDescription& then) {
  const auto& info = now.task->info();
  require(info.version == then.task_version,
          "{}: the run has version {}, this is version {}; its answers belong to other requests",
          then.task, then.task_version, info.version);
  require(
      now.data->sha256 == then.dataset_sha256,
      "{}: the run's data has sha256 {}, what was found has {}; name the folder with the data of "
      "the run",
      then.task, then.dataset_sha256, now.data->sha256);
  const auto same = [](const tasks::MetricInfo& a, const reports::MetricDescription& b) {
    return a.name == b.name && a.filter == b.filter;
  };
  require(std::ranges::equal(info.metrics, then.metrics, same),
          "{}: its metrics are no longer those of the run", then.task);
}

/// A task file is read from where it was, or from where `data` names it now.
std::string name_of_task(const reports::CellDescription& cell, const PlanOptions& data) {
  if (!cell.variant.contains("task_file")) return cell.task;
  for (const auto& file : data.tasks) {
    if (tasks::make_task(file)->info().name == cell.task) return file;
  }
  return cell.variant["task_file"].get<std::string>();
}

/// With the settings that the task had, and texts only where it read some.
PlanOptions as_it_was(const reports::CellDescription& cell, const PlanOptions& data) {
  auto options = data;
  options.settings.num_compared_layers = cell.variant.value("num_compared_layers", int64_t{0});
  if (!cell.variant.contains("texts")) {
    options.texts.clear();
  } else if (options.texts.empty()) {
    fail(
        "{}: the run read texts of one's own; name their files again with --text, in this order: "
        "{}",
        cell.task, cell.variant["texts"].dump());
  }
  return options;
}

/// Scores the documents of one cell.
class CellScorer {
 public:
  CellScorer(PlannedTask task, int64_t cell, const reports::CellDescription& description)
      : task_(std::move(task)),
        cell_(cell),
        asks_the_same_way_(description.num_fewshot == 0 &&
                           !description.variant.contains("chat_template") &&
                           !description.variant.contains("system_instruction")) {
    for (const auto& document : task_.data->documents) documents_[document.index] = &document;
  }

  reports::NewScores operator()(const reports::DocumentOutput& stored) const {
    const auto document = documents_.find(stored.index);
    require(document != documents_.end(), "{}: document {} of the run is not in the data",
            task_.task->info().name, stored.index);
    if (asks_the_same_way_) check_requests(*document->second, stored);
    std::vector<tasks::Response> responses;
    for (const auto& output : stored.requests) responses.push_back(response_of(output));
    reports::NewScores scores{.cell = cell_, .ordinal = stored.ordinal, .scores = {}};
    for (const auto& value : task_.task->score(*document->second, responses)) {
      scores.scores.push_back({value.metric, value.filter, value.value, value.weight});
    }
    return scores;
  }

 private:
  /// Answers to one prompt are not those to another.
  void check_requests(const tasks::Document& document,
                      const reports::DocumentOutput& stored) const {
    const auto requests = task_.task->requests(document, {});
    bool same = requests.size() == stored.requests.size();
    for (size_t i = 0; same && i < requests.size(); ++i) {
      const auto asked = record_of(0, requests[i], tasks::Failed{});
      same = asked.context == stored.requests[i].context &&
             asked.continuation == stored.requests[i].continuation;
    }
    require(same, "{}: document {} is asked otherwise now than in the run; evaluate it again",
            task_.task->info().name, stored.index);
  }

  PlannedTask task_;
  int64_t cell_;
  /// Without worked examples and chat the requests can be made again as they were.
  bool asks_the_same_way_;
  std::unordered_map<int64_t, const tasks::Document*> documents_;
};

bool same(const reports::DocumentScore& a, const reports::DocumentScore& b) {
  return a.metric == b.metric && a.filter == b.filter && reports::same_number(a.value, b.value) &&
         a.weight == b.weight;
}

/// The aggregate of a metric over scores that are not in the store yet.
std::optional<double> value_of(const reports::MetricDescription& metric,
                               std::span<const reports::NewScores> documents) {
  std::vector<reports::WeightedValue> values;
  for (const auto& document : documents) {
    for (const auto& score : document.scores) {
      if (score.metric != metric.name || score.filter != metric.filter || !score.value) continue;
      values.push_back({.value = *score.value, .weight = score.weight});
    }
  }
  return reports::aggregate(metric.aggregation, values).value;
}

}  // namespace

Rescored rescore(reports::Store& store, const reports::RunSummary& run, const PlanOptions& data,
                 bool write) {
  Rescored result;
  std::vector<reports::NewScores> all;
  const auto cells = store.cells(run.id);
  const auto reads_texts = [](const auto& cell) {
    return cell.description.variant.contains("texts");
  };
  require(data.texts.empty() || std::ranges::any_of(cells, reads_texts),
          "--text: run {} read no texts of one's own, so it would have no effect", run.id);
  const auto before = store.aggregates(run.id);
  for (size_t c = 0; c < cells.size(); ++c) {
    const auto& description = cells[c].description;
    const auto name = name_of_task(description, data);
    auto task = open_task(name, as_it_was(description, data), {.num_fewshot = 0});
    require_same_task(task, description);
    const CellScorer scorer(std::move(task), static_cast<int64_t>(c), description);
    const size_t first = all.size();
    store.read_documents(
        run.id, static_cast<int64_t>(c), {}, [&](const reports::DocumentOutput& stored) {
          auto scores = scorer(stored);
          const bool is_same =
              std::ranges::equal(scores.scores, stored.scores,
                                 [](const auto& a, const auto& b) { return same(a, b); });
          ++result.num_documents;
          if (!is_same) ++result.num_changed;
          all.push_back(std::move(scores));
        });
    for (const auto& metric : description.metrics) {
      const auto after = value_of(metric, std::span(all).subspan(first));
      const auto row = std::ranges::find_if(before, [&](const reports::CellAggregate& r) {
        return r.cell == static_cast<int64_t>(c) && r.metric.name == metric.name &&
               r.metric.filter == metric.filter;
      });
      if (!reports::same_number(row->aggregate.value, after)) {
        result.changed.push_back(
            {description.task, metric.name, metric.filter, row->aggregate.value, after});
      }
    }
  }
  if (write) {
    store.rescore(run.id, all, {{"version", version()}});
  }
  return result;
}

}  // namespace hylo::harness
