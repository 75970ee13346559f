#include "harness/runner/plan.h"

#include <algorithm>
#include <set>

#include "harness/base/error.h"
#include "tasks/catalog.h"

namespace hylo::harness {
namespace {

/// A killed run loses at most one batch, a full one keeps the machine busy.
constexpr int64_t rows_of_a_batch = 8192;
/// Sequences that generate together share each reading of the weights, so their batches are larger.
constexpr int64_t rows_of_a_generating_batch = 32768;
constexpr size_t documents_of_a_batch = 64;

RequestCost sum(RequestCost a, const RequestCost& b) {
  a.rows += b.rows;
  a.rows_unshared += b.rows_unshared;
  a.new_tokens += b.new_tokens;
  a.num_generated += b.num_generated;
  a.dropped_tokens += b.dropped_tokens;
  return a;
}

PlannedTask plan_task(const std::string& name, const PlanOptions& options) {
  PlannedTask planned{
      .task = tasks::make_task(name), .data = nullptr, .options = options.prompts, .documents = {}};
  if (const auto ids = options.document_ids.find(name); ids != options.document_ids.end()) {
    planned.options.document_ids = ids->second;
    planned.options.limit.reset();
  }
  const bool with_pool = tasks::num_fewshot_of(planned.task->info(), planned.options) > 0;
  planned.data = std::make_unique<tasks::TaskData>(tasks::open_task_data(
      *planned.task, options.data_root, with_pool, {.allow_other_bytes = options.allow_other_bytes},
      planned.options.fewshot_split));
  planned.documents = tasks::prompted_documents(*planned.task, *planned.data, planned.options);
  return planned;
}

/// Cuts documents, which are in order, into batches of limited size.
std::vector<PlannedBatch> batches_of(const std::vector<PlannedDocument>& documents,
                                     int64_t max_rows) {
  std::vector<PlannedBatch> batches;
  int64_t rows = 0;
  for (const auto& document : documents) {
    const int64_t own = document.cost.rows + document.cost.new_tokens;
    if (batches.empty() || batches.back().size() >= documents_of_a_batch || rows + own > max_rows) {
      batches.emplace_back();
      rows = 0;
    }
    batches.back().push_back(document);
    rows += own;
  }
  return batches;
}

}  // namespace

std::vector<PlannedTask> plan_tasks(const PlanOptions& options) {
  require(!options.tasks.empty(), "no task is named; `hylo list tasks` shows what there is");
  std::set<std::string> names;
  for (const auto& name : options.tasks) {
    require(tasks::is_task(name) ? names.insert(name).second : true, "task '{}' is named twice",
            name);
  }
  std::vector<PlannedTask> planned;
  for (const auto& name : options.tasks) planned.push_back(plan_task(name, options));
  for (const auto& [name, ids] : options.document_ids) {
    require(names.contains(name), "--samples names task '{}', which is not among --tasks", name);
  }
  return planned;
}

Plan make_plan(const std::vector<PlannedTask>& tasks, const SystemUnderTest& system) {
  Plan plan;
  std::vector<PlannedDocument> scored, generated;
  for (size_t t = 0; t < tasks.size(); ++t) {
    for (size_t d = 0; d < tasks[t].documents.size(); ++d) {
      const auto& requests = tasks[t].documents[d].requests;
      PlannedDocument document{.task = t, .document = d};
      for (const auto& cost : system.plan(requests)) {
        document.cost = sum(document.cost, cost);
        if (cost.dropped_tokens == 0) continue;
        if (plan.num_truncated++ > 0) continue;
        plan.first_truncated = fmt::format("{}, document {}", tasks[t].task->info().name,
                                           tasks[t].documents[d].document->index);
      }
      plan.total = sum(plan.total, document.cost);
      plan.num_requests += static_cast<int64_t>(requests.size());
      ++plan.num_documents;
      (document.cost.new_tokens > 0 ? generated : scored).push_back(document);
    }
  }
  // The longest first: memory runs short at once or not at all, and the time left is not a
  // surprise.
  for (auto* documents : {&scored, &generated}) {
    std::ranges::stable_sort(*documents, std::greater<>(), [](const PlannedDocument& d) {
      return d.cost.rows + d.cost.new_tokens;
    });
    const int64_t max_rows = documents == &scored ? rows_of_a_batch : rows_of_a_generating_batch;
    for (auto& batch : batches_of(*documents, max_rows)) plan.batches.push_back(std::move(batch));
  }
  return plan;
}

std::vector<tasks::Request> requests_of(const std::vector<PlannedTask>& tasks,
                                        const PlannedBatch& batch) {
  std::vector<tasks::Request> requests;
  for (const auto& planned : batch) {
    const auto& own = tasks[planned.task].documents[planned.document].requests;
    requests.insert(requests.end(), own.begin(), own.end());
  }
  return requests;
}

}  // namespace hylo::harness
