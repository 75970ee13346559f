#include "reports/render/run_report.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "reports/store/json_number.h"

namespace hylo::reports {
namespace {

std::string name_of(RunState state) {
  return state == RunState::Complete ? "complete" : "incomplete";
}

std::string name_of(Aggregation aggregation) {
  switch (aggregation) {
    case Aggregation::Mean:
      return "mean";
    case Aggregation::WeightedPerplexity:
      return "weighted_perplexity";
    case Aggregation::BitsPerUnit:
      return "bits_per_unit";
    case Aggregation::MeanPerplexity:
      return "mean_perplexity";
    case Aggregation::WeightedMean:
      return "weighted_mean";
  }
  invariant(false, "aggregation {} is not one of ours", static_cast<int>(aggregation));
  return "";
}

OrderedJson text_or_null(const std::string& text) {
  return text.empty() ? OrderedJson(nullptr) : OrderedJson(text);
}

OrderedJson shard_json(const std::optional<Shard>& shard) {
  if (!shard) return nullptr;
  return {{"number", shard->number}, {"count", shard->count}, {"whole_key", shard->whole_key}};
}

OrderedJson run_json(const RunSummary& run) {
  const auto& description = run.description;
  return {{"id", run.id},
          {"name", text_or_null(description.name)},
          {"state", name_of(run.state)},
          {"started", run.started},
          {"finished", text_or_null(run.finished.value_or(""))},
          {"num_attempts", run.num_attempts},
          {"num_documents", run.num_documents},
          {"num_finished", run.num_finished},
          {"dtype", description.dtype},
          {"numeric_mode", description.numeric_mode},
          {"seed", description.seed},
          {"key", description.key},
          {"shard", shard_json(description.shard)},
          {"argv", description.argv}};
}

OrderedJson task_json(const CellSummary& cell) {
  const auto& description = cell.description;
  return {{"task", description.task},
          {"version", description.task_version},
          {"variant", description.variant},
          {"dataset", description.dataset},
          {"dataset_sha256", description.dataset_sha256},
          {"licence", description.licence},
          {"num_fewshot", description.num_fewshot},
          {"num_documents", description.num_documents},
          {"num_finished", cell.num_finished},
          {"num_requests", cell.num_requests},
          {"num_failed", cell.num_failed},
          {"num_truncated", cell.num_truncated},
          {"num_boundary_merged", cell.num_boundary_merged},
          {"num_unread_tokens", cell.num_unread_tokens},
          {"num_tokens", cell.num_tokens}};
}

OrderedJson interval_json(const std::optional<Interval>& interval) {
  if (!interval) return nullptr;
  return OrderedJson::array({interval->low, interval->high});
}

OrderedJson result_json(const CellSummary& cell, const CellAggregate& row) {
  return {{"task", cell.description.task},
          {"version", cell.description.task_version},
          {"filter", row.metric.filter},
          {"num_fewshot", cell.description.num_fewshot},
          {"metric", row.metric.name},
          {"higher_is_better", row.metric.higher_is_better},
          {"aggregation", name_of(row.metric.aggregation)},
          {"value", json_number(row.aggregate.value)},
          {"standard_error", json_number(row.aggregate.standard_error)},
          {"clustered_error", json_number(row.aggregate.clustered_error)},
          {"interval_95", interval_json(row.aggregate.interval)},
          {"n", row.aggregate.n},
          {"num_clusters", row.aggregate.num_clusters},
          {"num_failed", row.num_failed},
          {"num_truncated", cell.num_truncated},
          {"partial", row.partial}};
}

/// The metric that all members bring in, or nothing where they differ.
std::string metric_of(const GroupDescription& group, std::span<const CellSummary> cells) {
  std::string common;
  for (const auto& member : group.members) {
    if (member.group) return "";
    const auto& metrics = cells[static_cast<size_t>(member.cell)].description.metrics;
    const auto& name = metrics[static_cast<size_t>(member.metric)].name;
    if (!common.empty() && common != name) return "";
    common = name;
  }
  return common;
}

OrderedJson members_json(const GroupDescription& group, std::span<const GroupDescription> groups,
                         std::span<const CellSummary> cells) {
  auto members = OrderedJson::array();
  for (const auto& member : group.members) {
    if (member.group) {
      members.push_back({{"group", groups[static_cast<size_t>(*member.group)].name}});
      continue;
    }
    const auto& cell = cells[static_cast<size_t>(member.cell)].description;
    const auto& metric = cell.metrics[static_cast<size_t>(member.metric)];
    members.push_back({{"task", cell.task}, {"metric", metric.name}, {"filter", metric.filter}});
  }
  return members;
}

OrderedJson group_json(const GroupResult& result, std::span<const GroupDescription> groups,
                       std::span<const CellSummary> cells) {
  const auto& aggregate = result.aggregate;
  return {{"group", result.group.name},
          {"mean", result.group.mean == GroupMean::OfTasks ? "tasks" : "documents"},
          {"metric", text_or_null(metric_of(result.group, cells))},
          {"value", json_number(aggregate.value)},
          {"standard_error", json_number(aggregate.standard_error)},
          {"clustered_error", json_number(aggregate.clustered_error)},
          {"num_members", aggregate.num_members},
          {"n", aggregate.n},
          {"num_failed", aggregate.num_failed},
          {"partial", aggregate.partial},
          {"members", members_json(result.group, groups, cells)}};
}

constexpr auto clustered_note =
    "\u00b1 clust. takes documents that go together (questions about one passage, subjects of a "
    "group) as one draw: where it is there, it is the one to quote, and the interval rests on it.";
constexpr auto error_note =
    "\u00b1 is the standard error of the mean over documents, s / sqrt(n). Another draw of as many "
    "documents of the same kind would give a mean within one \u00b1 of the true one about 2 times "
    "in 3, "
    "within two \u00b1 about 19 times in 20. It says nothing about other prompts, shots or "
    "settings. Two "
    "models on the same documents differ by less than their two \u00b1 suggest: compare them in "
    "pairs.";
constexpr auto interval_note =
    "95 % is the Wilson interval of a share, which holds for few documents and near 0 and 1 as "
    "well.";

constexpr auto ratio_note =
    "Values per token are sums over all documents, divided by their tokens; their \u00b1 takes the "
    "documents as independent (the ratio estimator), not their tokens.";

/// Tasks all of whose documents are one draw.
std::vector<std::string> tasks_of_one_cluster(const OrderedJson& results) {
  std::vector<std::string> tasks;
  for (const auto& row : results) {
    const auto task = row["task"].get<std::string>();
    const bool is_told = std::ranges::find(tasks, task) != tasks.end();
    if (!is_told && row["num_clusters"] == 1 && row["n"] > 1) tasks.push_back(task);
  }
  return tasks;
}

std::string one_cluster_note(const std::vector<std::string>& tasks) {
  return fmt::format(
      "{}: all documents go together, so they are one draw, of which no error can be told: \u00b1 "
      "takes them as independent and is too small, and means over tasks or lengths of which it "
      "is a part have none.",
      fmt::join(tasks, ", "));
}

bool is_weighted_mean(const OrderedJson& row) { return row["aggregation"] == "weighted_mean"; }

bool any(const OrderedJson& rows, const char* key) {
  return std::ranges::any_of(rows, [&](const OrderedJson& row) {
    const auto& value = row[key];
    return value.is_boolean() ? value.get<bool>() : !value.is_null() && value != 0;
  });
}

OrderedJson notes_on(const RunSummary& run, const OrderedJson& results, const OrderedJson& groups,
                     const OrderedJson& tasks) {
  auto notes = OrderedJson::array();
  if (any(results, "partial")) {
    notes.push_back(
        run.description.shard && run.state == RunState::Complete
            ? fmt::format("PARTIAL: this is shard {} of {}, {} documents; `hylo store merge` makes "
                          "one run of all shards.",
                          run.description.shard->number, run.description.shard->count,
                          run.num_finished)
            : fmt::format("PARTIAL: {} of {} documents are there. These are not the values of the "
                          "whole tasks; the command that began the run goes on with it.",
                          run.num_finished, run.num_documents));
  }
  if (any(results, "standard_error")) notes.push_back(error_note);
  if (any(results, "clustered_error") || any(groups, "clustered_error")) {
    notes.push_back(clustered_note);
  }
  const auto single = tasks_of_one_cluster(results);
  if (!single.empty()) notes.push_back(one_cluster_note(single));
  if (any(results, "interval_95")) notes.push_back(interval_note);
  if (std::ranges::any_of(results, is_weighted_mean)) notes.push_back(ratio_note);
  if (std::ranges::any_of(results, reaches_no_document)) {
    notes.push_back("Metrics that no document reaches have no value and no line here.");
  }
  const auto& model = run.description.model;
  if (model.contains("teacher") && model["teacher"].contains("not_compared")) {
    notes.push_back(model["teacher"]["not_compared"]);
  }
  for (const auto& task : tasks) {
    for (const auto& remark : task["variant"].value("remarks", OrderedJson::array())) {
      notes.push_back(
          fmt::format("{}: {}.", task["task"].get<std::string>(), remark.get<std::string>()));
    }
  }
  for (const auto& task : tasks) {
    if (task["num_unread_tokens"] == 0) continue;
    notes.push_back(fmt::format("{}: {} tokens stand beyond the length that was read.",
                                task["task"].get<std::string>(),
                                task["num_unread_tokens"].get<int64_t>()));
  }
  if (any(results, "num_failed")) {
    notes.push_back(
        "Failed documents count neither as right nor as wrong: they are left out of value "
        "and n.");
  }
  if (any(results, "num_truncated")) {
    notes.push_back(
        "Truncated requests were longer than the model's context and lost tokens on the "
        "left.");
  }
  if (any(tasks, "num_boundary_merged")) {
    notes.push_back(
        "In some requests the end of the context and the beginning of the continuation are "
        "one token when tokenised together (num_boundary_merged).");
  }
  return notes;
}

OrderedJson list_row(const Store& store, const RunSummary& run) {
  auto tasks = OrderedJson::array();
  for (const auto& cell : store.cells(run.id)) tasks.push_back(cell.description.task);
  auto row = run_json(run);
  row.erase("key");
  row.erase("argv");
  row["model"] = run.description.model.value("name", "");
  row["tasks"] = tasks;
  return row;
}

}  // namespace

bool reaches_no_document(const OrderedJson& result) {
  return is_weighted_mean(result) && result["value"].is_null() && result["num_failed"] == 0 &&
         !result["partial"].get<bool>();
}

OrderedJson run_report(const Store& store, const RunSummary& run) {
  const auto cells = store.cells(run.id);
  auto tasks = OrderedJson::array();
  for (const auto& cell : cells) tasks.push_back(task_json(cell));
  auto results = OrderedJson::array();
  const auto rows = store.aggregates(run.id);
  for (const auto& row : rows) {
    results.push_back(result_json(cells[static_cast<size_t>(row.cell)], row));
  }
  auto groups = OrderedJson::array();
  for (const auto& group : store.group_results(run.id, rows)) {
    groups.push_back(group_json(group, run.description.groups, cells));
  }
  return {{"report", "run"},
          {"run", run_json(run)},
          {"model", run.description.model},
          {"machine", run.description.machine},
          {"build", run.description.build},
          {"settings", run.description.settings},
          {"tasks", tasks},
          {"results", results},
          {"groups", groups},
          {"notes", notes_on(run, results, groups, tasks)}};
}

OrderedJson run_list_report(const Store& store) {
  auto runs = OrderedJson::array();
  auto notes = OrderedJson::array();
  for (const auto& run : store.runs()) runs.insert(runs.begin(), list_row(store, run));
  if (runs.empty()) notes.push_back("There are no runs yet; `hylo eval` makes one.");
  return {
      {"report", "run_list"}, {"store", store.file().string()}, {"runs", runs}, {"notes", notes}};
}

}  // namespace hylo::reports
