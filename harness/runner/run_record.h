// From tasks, systems and answers to what the store keeps.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/runner/plan.h"
#include "harness/system/system_under_test.h"
#include "reports/store/records.h"
#include "tasks/core/group.h"
#include "tasks/core/request.h"
#include "tasks/core/task.h"

namespace hylo::harness {

struct RunLabels {
  std::string name;               ///< may be empty
  std::vector<std::string> argv;  ///< the command line, for people
  uint64_t seed = 0;
  std::vector<tasks::GroupInfo> groups = {};  ///< that the tasks were named by
  std::optional<ShardNumber> shard = {};      ///< that is run; the whole without
};

/// Hashes all that is asked. With the plan of a shard, cells know how many documents are its own.
std::vector<reports::CellDescription> describe_cells(const std::vector<PlannedTask>& tasks,
                                                     const Plan* shard = nullptr);

/// Of a run of these cells. The key is a hash of everything that determines the numbers: the
/// system's identity, tasks with their versions, documents, prompts and settings, numeric mode and
/// seed. Shards of one run have its key as their whole_key and keys of their own.
reports::RunDescription describe_run(const std::vector<reports::CellDescription>& cells,
                                     const SystemUnderTest& system, const RunLabels& labels);

/// The options that its requests were made with, as far as the cell records them: their form and
/// the number and split of its worked examples. Throws Error for a chat template that is unknown.
tasks::PromptOptions prompt_options_of(const reports::CellDescription& cell);

/// One request with its answer.
reports::RequestOutput record_of(int64_t number, const tasks::Request& request,
                                 const tasks::Response& response);

/// The answer of a stored request, as the task was given it.
tasks::Response response_of(const reports::RequestOutput& output);

/// A document with all its requests and their answers, scored.
reports::DocumentOutput record_of(const PlannedTask& task, const PlannedDocument& document,
                                  std::span<const tasks::Request> requests,
                                  const std::vector<tasks::Response>& responses);

}  // namespace hylo::harness
