#include "harness/runner/runner.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <optional>
#include <set>
#include <span>

#include "harness/base/clock.h"
#include "harness/base/error.h"
#include "harness/runner/run_record.h"

namespace hylo::harness {
namespace {

using Key = std::pair<size_t, size_t>;  // task, document

std::set<Key> finished_of(const std::vector<PlannedTask>& tasks, const reports::Store& store,
                          const reports::RunHandle& run) {
  std::set<Key> finished;
  for (size_t t = 0; t < tasks.size(); ++t) {
    for (const int64_t ordinal : store.finished_documents(run.id(), static_cast<int64_t>(t))) {
      finished.emplace(t, static_cast<size_t>(ordinal));
    }
  }
  return finished;
}

/// A batch is stored as a whole, so it is there or not.
bool is_finished(const PlannedBatch& batch, const std::set<Key>& finished) {
  return std::ranges::all_of(batch, [&](const PlannedDocument& d) {
    return finished.contains({d.task, d.document});
  });
}

std::vector<PlannedBatch> batches_left(const Plan& plan, const std::set<Key>& finished) {
  std::vector<PlannedBatch> left;
  for (const auto& batch : plan.batches) {
    if (!is_finished(batch, finished)) left.push_back(batch);
  }
  return left;
}

/// Answers of a batch, document by document.
std::vector<reports::DocumentOutput> answer_batch(const std::vector<PlannedTask>& tasks,
                                                  const PlannedBatch& batch,
                                                  SystemUnderTest& system) {
  const Stopwatch watch;
  const auto requests = requests_of(tasks, batch);
  std::vector<std::optional<tasks::Response>> answers(requests.size());
  system.answer(requests, [&](size_t i, tasks::Response response) {
    invariant(!answers.at(i), "request {} was answered twice", i);
    answers[i] = std::move(response);
  });
  const double seconds = watch.seconds() / static_cast<double>(batch.size());
  std::vector<reports::DocumentOutput> outputs;
  size_t next = 0;
  for (const auto& planned : batch) {
    const auto& task = tasks[planned.task];
    const auto own =
        std::span(requests).subspan(next, task.documents[planned.document].requests.size());
    std::vector<tasks::Response> responses;
    for (size_t i = 0; i < own.size(); ++i, ++next) {
      invariant(answers[next].has_value(), "request {} was not answered", next);
      responses.push_back(std::move(*answers[next]));
    }
    outputs.push_back(record_of(task, planned, own, responses));
    outputs.back().seconds = seconds;
  }
  return outputs;
}

/// The first metric of each task over what this call answered.
class RunningScores {
 public:
  void add(const reports::DocumentOutput& output) {
    if (output.scores.empty() || !output.scores.front().value) return;
    auto& [sum, weight] = sums_[output.cell];
    sum += *output.scores.front().value;
    weight += output.scores.front().weight;
  }
  [[nodiscard]] std::optional<double> value(int64_t cell, tasks::Aggregation aggregation) const {
    const auto found = sums_.find(cell);
    if (found == sums_.end() || found->second.second == 0) return std::nullopt;
    const double mean = found->second.first / found->second.second;
    switch (aggregation) {
      case tasks::Aggregation::Mean:
      case tasks::Aggregation::WeightedMean:
        return mean;
      case tasks::Aggregation::WeightedPerplexity:
      case tasks::Aggregation::MeanPerplexity:
        return std::exp(-mean);
      case tasks::Aggregation::BitsPerByte:
        return -mean / std::numbers::ln2;
    }
    return std::nullopt;
  }

 private:
  std::map<int64_t, std::pair<double, double>> sums_;
};

}  // namespace

RunEnd run_plan(const std::vector<PlannedTask>& tasks, const Plan& plan, SystemUnderTest& system,
                reports::Store& store, reports::RunHandle& run, const RunnerHooks& hooks) {
  if (run.is_complete()) return RunEnd::Complete;
  const auto finished = finished_of(tasks, store, run);
  const auto batches = batches_left(plan, finished);
  RunProgress progress{.num_documents = plan.num_documents,
                       .num_finished = static_cast<int64_t>(finished.size()),
                       .task = {},
                       .metric = {}};
  for (const auto& batch : batches) {
    for (const auto& document : batch)
      progress.rows_left += document.cost.rows + document.cost.new_tokens;
  }
  RunningScores scores;
  const Stopwatch watch;
  for (const auto& batch : batches) {
    if (hooks.stop && *hooks.stop) {
      store.stop(run);
      return RunEnd::Stopped;
    }
    const auto outputs = answer_batch(tasks, batch, system);
    store.save(run, outputs);
    for (const auto& output : outputs) scores.add(output);
    for (const auto& document : batch) {
      const int64_t rows = document.cost.rows + document.cost.new_tokens;
      progress.rows_done += rows;
      progress.rows_left -= rows;
    }
    progress.num_answered += static_cast<int64_t>(batch.size());
    progress.num_finished += static_cast<int64_t>(batch.size());
    progress.seconds = watch.seconds();
    const auto& info = tasks[batch.back().task].task->info();
    progress.task = info.name;
    progress.metric = info.metrics.front().name;
    progress.value =
        scores.value(static_cast<int64_t>(batch.back().task), info.metrics.front().aggregation);
    if (hooks.on_progress) hooks.on_progress(progress);
  }
  store.finish(run);
  return RunEnd::Complete;
}

}  // namespace hylo::harness
