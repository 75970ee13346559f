// What a run will ask, in which batches, before anything is asked.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "harness/system/system_under_test.h"
#include "tasks/core/task.h"
#include "tasks/core/task_data.h"
#include "tasks/prompts/assembly.h"

namespace hylo::harness {

/// A task with its documents and what is asked about each.
struct PlannedTask {
  std::unique_ptr<tasks::Task> task;
  std::unique_ptr<tasks::TaskData> data;
  tasks::PromptOptions options;
  tasks::TaskSettings settings = {};
  std::vector<tasks::PromptedDocument> documents;
  OrderedJson variant = OrderedJson::object();  ///< what else its cell records
  /// Where prompts are too long to be held: reads that of a document, whose request is without it.
  std::function<std::string(const tasks::Document&)> read_prompt = {};
};

/// What is asked about a document, with its prompt.
std::vector<tasks::Request> requests_of(const PlannedTask& task,
                                        const tasks::PromptedDocument& document);

struct PlanOptions {
  std::vector<std::string> tasks;
  std::filesystem::path data_root;
  tasks::PromptOptions prompts;                              ///< for every task
  std::map<std::string, std::vector<int64_t>> document_ids;  ///< only these, for some tasks
  bool allow_other_bytes = false;  ///< data files that differ from their manifest
  /// Hashes of the files of an earlier run, which go before those that would be read today
  /// (datasets::OpenOptions::as_before).
  std::vector<std::string> data_as_before = {};
  std::vector<std::filesystem::path> sets;  ///< sample sets of RULER: files, or folders of them
  /// In place of the documents of tasks for which any text would do.
  std::vector<std::filesystem::path> texts = {};
  tasks::TaskSettings settings = {};
};

/// A task and its data; nothing is asked of it yet. The pool of worked examples is read only where
/// `prompts` takes some. A name of RULER must stand for one sample set.
PlannedTask open_task(const std::string& name, const PlanOptions& options,
                      const tasks::PromptOptions& prompts);

/// Opens the data of every task and makes its requests; a name of RULER gives a task for each
/// sample set that it stands for. Throws Error: unknown or repeated task, data missing or changed,
/// document ids for a task that is not run, texts that no task reads.
std::vector<PlannedTask> plan_tasks(const PlanOptions& options);

struct PlannedDocument {
  size_t task = 0, document = 0;  ///< positions in the vector of tasks and in its documents
  RequestCost cost;           ///< of all its requests together, behind those before it in the batch
  int64_t rows_if_first = 0;  ///< more when it opens a batch
};

/// Documents that are asked, answered and stored together.
using PlannedBatch = std::vector<PlannedDocument>;

struct Plan {
  /// Documents that begin alike are neighbours; the most expensive first.
  std::vector<PlannedBatch> batches;
  RequestCost total;
  int64_t num_documents = 0, num_requests = 0;
  int64_t num_truncated = 0;    ///< requests that do not fit
  std::string first_truncated;  ///< which, for a message
};

/// One of several processes that share the batches of a plan among them.
struct ShardNumber {
  int64_t number = 1, count = 1;  ///< number from 1 to count
};

/// The batches of a shard: every count-th of the whole plan, so that a batch is computed as the
/// whole run would compute it. Throws Error when none is left for it.
Plan shard_of(const Plan& whole, const std::vector<PlannedTask>& tasks, const ShardNumber& shard);

/// The same tasks and system always give the same plan, whatever was answered before. The prompts
/// of one sample set at a time are held.
Plan make_plan(const std::vector<PlannedTask>& tasks, const SystemUnderTest& system);

/// The requests of all documents of a batch, one after another.
std::vector<tasks::Request> requests_of(const std::vector<PlannedTask>& tasks,
                                        const PlannedBatch& batch);

}  // namespace hylo::harness
