#include "harness/runner/plan.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "harness/base/error.h"
#include "harness/base/hash.h"
#include "harness/base/overloaded.h"
#include "harness/runner/ruler_sets.h"
#include "tasks/catalog.h"
#include "tasks/custom/custom_task.h"

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
  auto prompts = options.prompts;
  if (const auto ids = options.document_ids.find(name); ids != options.document_ids.end()) {
    prompts.document_ids = ids->second;
    prompts.limit.reset();
  }
  auto planned = open_task(name, options, prompts);
  planned.documents = tasks::prompted_documents(*planned.task, *planned.data, planned.options);
  return planned;
}

/// The text that a request begins with.
std::string_view beginning_of(const tasks::Request& request) {
  return std::visit(overloaded{
                        [](const tasks::ScoreText& r) -> std::string_view { return r.context; },
                        [](const tasks::ScoreRolling& r) -> std::string_view { return r.text; },
                        [](const tasks::ScoreTokens& r) -> std::string_view { return r.text; },
                        // Two models read it, and share nothing with other requests.
                        [](const tasks::AgreeOnText&) -> std::string_view { return {}; },
                        [](const tasks::GenerateText& r) -> std::string_view { return r.prompt; },
                    },
                    request);
}

/// What is asked in a task, document by document; prompts that the task does not hold are held
/// here.
class Asked {
 public:
  explicit Asked(const PlannedTask& task) : task_(task) {
    if (!task.read_prompt) return;
    for (const auto& document : task.documents) read_.push_back(requests_of(task, document));
  }
  [[nodiscard]] const std::vector<tasks::Request>& about(size_t document) const {
    return task_.read_prompt ? read_[document] : task_.documents[document].requests;
  }
  [[nodiscard]] const PlannedTask& task() const { return task_; }

 private:
  const PlannedTask& task_;
  std::vector<std::vector<tasks::Request>> read_;
};

/// Documents of one task that begin with the same text, in an order in which neighbours share most.
using Family = std::vector<PlannedDocument>;

/// Shorter common beginnings are a template's words, which are not worth an order of their own.
constexpr size_t min_family_bytes = 64;

std::vector<Family> families_of(const Asked& asked, size_t task) {
  std::vector<std::pair<std::string_view, size_t>> texts;
  for (size_t d = 0; d < asked.task().documents.size(); ++d) {
    const auto& requests = asked.about(d);
    texts.emplace_back(requests.empty() ? "" : beginning_of(requests.front()), d);
  }
  std::ranges::sort(texts);
  std::vector<Family> families;
  std::string_view last;
  for (const auto& [text, document] : texts) {
    const auto common = std::ranges::mismatch(text, last).in1 - text.begin();
    if (families.empty() || static_cast<size_t>(common) < min_family_bytes) families.emplace_back();
    families.back().push_back({.task = task, .document = document});
    last = text;
  }
  return families;
}

/// Requests are tokenised in pieces of a family, so that no set of long prompts is held at once.
constexpr size_t bytes_of_a_piece = size_t{16} << 20;

size_t bytes_of(const std::vector<tasks::Request>& requests) {
  size_t bytes = 0;
  for (const auto& request : requests) bytes += beginning_of(request).size();
  return bytes;
}

/// The documents from `begin` on that are planned together: at least one.
size_t end_of_piece(const Asked& asked, const Family& family, size_t begin) {
  size_t end = begin;
  size_t bytes = 0;
  while (end < family.size() && end - begin < documents_of_a_batch) {
    bytes += bytes_of(asked.about(family[end].document));
    if (end > begin && bytes > bytes_of_a_piece) break;
    ++end;
  }
  return end;
}

/// Adds the costs of documents [begin, end), each behind those before it. The one before the piece
/// is asked for as well: it begins as they do, and what they share with it is not theirs to pay.
void cost_piece(Family& family, size_t begin, size_t end, const Asked& asked,
                const SystemUnderTest& system, Plan& plan) {
  const size_t lead = begin > 0 ? 1 : 0;
  std::vector<tasks::Request> requests;
  for (size_t d = begin - lead; d < end; ++d) {
    const auto& own = asked.about(family[d].document);
    requests.insert(requests.end(), own.begin(), own.end());
  }
  const auto costs = system.plan(requests);
  size_t next = lead * asked.about(family[begin - lead].document).size();
  for (size_t d = begin; d < end; ++d) {
    auto& document = family[d];
    const auto& prompted = asked.task().documents[document.document];
    for (size_t r = 0; r < prompted.requests.size(); ++r) {
      const auto& cost = costs[next++];
      // Where it opens a batch, its first request has nothing to share with.
      if (r == 0) document.rows_if_first = cost.rows_unshared - cost.rows;
      document.cost = sum(document.cost, cost);
      if (cost.dropped_tokens == 0 || plan.num_truncated++ > 0) continue;
      plan.first_truncated =
          fmt::format("{}, document {}", asked.task().task->info().name, prompted.document->index);
    }
    plan.num_requests += static_cast<int64_t>(prompted.requests.size());
  }
}

void cost_family(Family& family, const Asked& asked, const SystemUnderTest& system, Plan& plan) {
  for (size_t begin = 0; begin < family.size();) {
    const size_t end = end_of_piece(asked, family, begin);
    cost_piece(family, begin, end, asked, system, plan);
    begin = end;
  }
}

int64_t longest_of(const Family& family) {
  int64_t longest = 0;
  for (const auto& d : family) {
    longest = std::max(longest, d.cost.rows + d.rows_if_first + d.cost.new_tokens);
  }
  return longest;
}

/// Cuts families, which are in order, into batches of limited size. The longest first: memory runs
/// short at once or not at all, and the time left is not a surprise.
std::vector<PlannedBatch> batches_of(std::vector<Family>& families, int64_t max_rows) {
  std::ranges::stable_sort(families, std::greater<>(), longest_of);
  std::vector<PlannedBatch> batches;
  int64_t rows = 0;
  for (auto& family : families) {
    for (auto& document : family) {
      const int64_t own = document.cost.rows + document.cost.new_tokens;
      const bool opens =
          batches.empty() || batches.back().size() >= documents_of_a_batch || rows + own > max_rows;
      if (opens) {
        batches.emplace_back();
        rows = 0;
        document.cost.rows += document.rows_if_first;
      }
      rows += document.cost.rows + document.cost.new_tokens;
      batches.back().push_back(document);
    }
  }
  return batches;
}

bool reads_any_text(const std::string& task) {
  return tasks::is_task(task) && !tasks::make_task(task)->info().text_field.empty();
}

std::vector<std::string> tasks_that_read_texts() {
  auto names = tasks::task_names();
  std::erase_if(names, [](const std::string& name) { return !reads_any_text(name); });
  return names;
}

}  // namespace

PlannedTask open_task(const std::string& name, const PlanOptions& options,
                      const tasks::PromptOptions& prompts) {
  if (names_sample_sets(name)) {
    const auto files = sample_sets_named(name, options.sets);
    require(files.size() == 1, "task '{}': expected one sample set, found {} under --sets", name,
            files.size());
    return open_sample_set(files.front(), prompts);
  }
  PlannedTask planned{.task = tasks::make_task(name, options.settings),
                      .data = nullptr,
                      .options = prompts,
                      .settings = options.settings,
                      .documents = {}};
  const bool with_pool = tasks::num_fewshot_of(planned.task->info(), prompts) > 0;
  const bool takes_texts = !options.texts.empty() && !planned.task->info().text_field.empty();
  planned.data = std::make_unique<tasks::TaskData>(
      takes_texts ? tasks::open_task_texts(*planned.task, options.texts)
                  : tasks::open_task_data(*planned.task, options.data_root, with_pool,
                                          {.allow_other_bytes = options.allow_other_bytes,
                                           .as_before = options.data_as_before},
                                          prompts.fewshot_split));
  if (tasks::is_task_file(name)) {
    planned.variant["task_file"] = std::filesystem::absolute(name).string();
    planned.variant["task_file_sha256"] = sha256_of_file(name);
  }
  return planned;
}

std::vector<PlannedTask> plan_tasks(const PlanOptions& options) {
  require(!options.tasks.empty(), "no task is named; `hylo list tasks` shows what there is");
  std::set<std::string> names;
  for (const auto& name : options.tasks) {
    require(tasks::is_task(name) ? names.insert(name).second : true, "task '{}' is named twice",
            name);
  }
  require(options.texts.empty() || std::ranges::any_of(options.tasks, reads_any_text),
          "--text: none of the tasks reads texts of one's own; {} do",
          fmt::join(tasks_that_read_texts(), " and "));
  std::vector<PlannedTask> planned;
  std::map<std::string, std::string> files;
  for (const auto& name : options.tasks) {
    if (!names_sample_sets(name)) {
      planned.push_back(plan_task(name, options));
      const auto& own = planned.back().task->info().name;
      const auto [other, is_new] = files.emplace(own, name);
      require(is_new, "{} and {} are both tasks of the name '{}'; rename one", other->second, name,
              own);
      continue;
    }
    for (const auto& file : sample_sets_named(name, options.sets)) {
      planned.push_back(plan_sample_set(file, options));
      const auto& of_set = planned.back().task->info().name;
      require(names.insert(of_set).second, "task '{}' is named twice", of_set);
    }
  }
  for (const auto& [name, ids] : options.document_ids) {
    require(names.contains(name), "--samples names task '{}', which is not among --tasks", name);
  }
  return planned;
}

Plan make_plan(const std::vector<PlannedTask>& tasks, const SystemUnderTest& system) {
  Plan plan;
  std::vector<Family> scored, generated;
  for (size_t t = 0; t < tasks.size(); ++t) {
    const Asked asked(tasks[t]);
    for (auto& family : families_of(asked, t)) {
      cost_family(family, asked, system, plan);
      plan.num_documents += std::ssize(family);
      const bool generates = family.front().cost.new_tokens > 0;
      (generates ? generated : scored).push_back(std::move(family));
    }
  }
  for (auto* families : {&scored, &generated}) {
    const int64_t max_rows = families == &scored ? rows_of_a_batch : rows_of_a_generating_batch;
    for (auto& batch : batches_of(*families, max_rows)) plan.batches.push_back(std::move(batch));
  }
  for (const auto& batch : plan.batches) {
    for (const auto& document : batch) plan.total = sum(plan.total, document.cost);
  }
  return plan;
}

Plan shard_of(const Plan& whole, const std::vector<PlannedTask>& tasks, const ShardNumber& shard) {
  const auto [number, count] = shard;
  invariant(1 <= number && number <= count, "shard {} of {}", number, count);
  Plan part{.batches = {},
            .total = {},
            .num_truncated = whole.num_truncated,
            .first_truncated = whole.first_truncated};
  for (size_t b = static_cast<size_t>(number) - 1; b < whole.batches.size();
       b += static_cast<size_t>(count)) {
    part.batches.push_back(whole.batches[b]);
    for (const auto& document : whole.batches[b]) {
      part.total = sum(part.total, document.cost);
      part.num_requests += std::ssize(tasks[document.task].documents[document.document].requests);
      ++part.num_documents;
    }
  }
  require(!part.batches.empty(), "shard {} of {}: the run has {} batches; use at most {} shards",
          number, count, whole.batches.size(), whole.batches.size());
  return part;
}

std::vector<tasks::Request> requests_of(const std::vector<PlannedTask>& tasks,
                                        const PlannedBatch& batch) {
  std::vector<tasks::Request> requests;
  for (const auto& planned : batch) {
    const auto& task = tasks[planned.task];
    for (auto& request : requests_of(task, task.documents[planned.document])) {
      requests.push_back(std::move(request));
    }
  }
  return requests;
}

std::vector<tasks::Request> requests_of(const PlannedTask& task,
                                        const tasks::PromptedDocument& document) {
  auto requests = document.requests;
  if (!task.read_prompt) return requests;
  for (auto& request : requests) {
    auto* generation = std::get_if<tasks::GenerateText>(&request);
    invariant(generation != nullptr, "{}: a prompt is read for a request that has none",
              task.task->info().name);
    generation->prompt = task.read_prompt(*document.document);
  }
  return requests;
}

}  // namespace hylo::harness
