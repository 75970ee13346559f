#include "harness/runner/rescore.h"

#include <algorithm>
#include <iterator>
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
  const auto pool = then.variant.value("pool_sha256", now.data->pool_sha256);
  require(pool == now.data->pool_sha256,
          "{}: the run's worked examples are of a file with sha256 {}, what was found has {}; name "
          "the folder with the data of the run",
          then.task, pool, now.data->pool_sha256);
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

/// With the settings and the files that the task had, and texts only where it read some.
PlanOptions as_it_was(const reports::CellDescription& cell, const PlanOptions& data) {
  auto options = data;
  options.settings.num_compared_layers = cell.variant.value("num_compared_layers", int64_t{0});
  options.data_as_before = {cell.dataset_sha256, cell.variant.value("pool_sha256", "")};
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
  CellScorer(PlannedTask task, int64_t cell) : task_(std::move(task)), cell_(cell) {
    for (const auto& document : task_.data->documents) documents_[document.index] = &document;
    for (const auto& document : task_.data->pool()) pool_[document.index] = &document;
  }

  reports::ScoredAgain operator()(const reports::DocumentOutput& stored) const {
    const auto& document = *find(documents_, stored.index, "document");
    check_requests(document, stored);
    std::vector<tasks::Response> responses;
    for (const auto& output : stored.requests) responses.push_back(response_of(output));
    reports::ScoredAgain again{.cell = cell_,
                               .ordinal = stored.ordinal,
                               .scores = {},
                               .cluster = task_.task->cluster_of(document),
                               .tags = task_.task->tags_of(document)};
    for (const auto& value : task_.task->score(document, responses)) {
      again.scores.push_back({value.metric, value.filter, value.value, value.weight});
    }
    return again;
  }

 private:
  using ByNumber = std::unordered_map<int64_t, const tasks::Document*>;

  const tasks::Document* find(const ByNumber& documents, int64_t number,
                              std::string_view what) const {
    const auto found = documents.find(number);
    require(found != documents.end(), "{}: {} {} of the run is not in the data",
            task_.task->info().name, what, number);
    return found->second;
  }

  /// Answers to one prompt are not those to another. The worked examples are those that were shown,
  /// however they were drawn.
  void check_requests(const tasks::Document& document,
                      const reports::DocumentOutput& stored) const {
    std::vector<const tasks::Document*> shots;
    for (const auto number : stored.fewshot_ids) {
      shots.push_back(find(pool_, number, "worked example"));
    }
    const auto requests = task_.task->requests_in(task_.options.form, document, shots);
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
  ByNumber documents_, pool_;
};

bool same(const reports::DocumentScore& a, const reports::DocumentScore& b) {
  return a.metric == b.metric && a.filter == b.filter && reports::same_number(a.value, b.value) &&
         a.weight == b.weight;
}

/// The aggregate of a metric over scores that are not in the store yet.
std::optional<double> value_of(const reports::MetricDescription& metric,
                               std::span<const reports::ScoredAgain> documents) {
  std::vector<reports::WeightedValue> values;
  for (const auto& document : documents) {
    for (const auto& score : document.scores) {
      if (score.metric != metric.name || score.filter != metric.filter || !score.value) continue;
      values.push_back({.value = *score.value, .weight = score.weight});
    }
  }
  return reports::aggregate(metric.aggregation, values).value;
}

/// Scores the documents of a cell, counting what differs from what is stored.
std::vector<reports::ScoredAgain> score_cell(const reports::Store& store, int64_t run,
                                             const CellScorer& scorer, int64_t cell,
                                             Rescored& result) {
  std::vector<reports::ScoredAgain> all;
  store.read_documents(run, cell, {}, [&](const reports::DocumentOutput& stored) {
    auto again = scorer(stored);
    ++result.num_documents;
    if (!std::ranges::equal(again.scores, stored.scores, same)) ++result.num_changed;
    if (again.cluster != stored.cluster || again.tags != stored.tags) ++result.num_regrouped;
    all.push_back(std::move(again));
  });
  return all;
}

/// The aggregates of a cell that are no longer what they were.
void add_changed_values(const reports::CellDescription& cell,
                        std::span<const reports::CellAggregate> before,
                        std::span<const reports::ScoredAgain> documents, Rescored& result) {
  for (const auto& row : before) {
    const auto after = value_of(row.metric, documents);
    if (reports::same_number(row.aggregate.value, after)) continue;
    result.changed.push_back(
        {cell.task, row.metric.name, row.metric.filter, row.aggregate.value, after});
  }
}

}  // namespace

Rescored rescore(reports::Store& store, const reports::RunSummary& run, const PlanOptions& data,
                 bool write) {
  Rescored result;
  std::vector<reports::ScoredAgain> all;
  const auto cells = store.cells(run.id);
  const auto reads_texts = [](const auto& cell) {
    return cell.description.variant.contains("texts");
  };
  require(data.texts.empty() || std::ranges::any_of(cells, reads_texts),
          "--text: run {} read no texts of one's own, so it would have no effect", run.id);
  // In order of cells and their metrics.
  const auto before = store.aggregates(run.id);
  std::span<const reports::CellAggregate> before_left = before;
  for (size_t c = 0; c < cells.size(); ++c) {
    const auto& description = cells[c].description;
    const auto name = name_of_task(description, data);
    auto task = open_task(name, as_it_was(description, data), prompt_options_of(description));
    require_same_task(task, description);
    const auto cell = static_cast<int64_t>(c);
    const CellScorer scorer(std::move(task), cell);
    auto again = score_cell(store, run.id, scorer, cell, result);
    const size_t num_metrics = description.metrics.size();
    add_changed_values(description, before_left.first(num_metrics), again, result);
    before_left = before_left.subspan(num_metrics);
    std::ranges::move(again, std::back_inserter(all));
  }
  if (write) store.rescore(run.id, all, {{"version", version()}});
  return result;
}

}  // namespace hylo::harness
