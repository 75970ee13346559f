// What `hylo eval` can be told, and what it means for the plan of a run.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/cli/open_system.h"
#include "harness/runner/groups.h"
#include "harness/runner/plan.h"

namespace hylo::cli {

struct EvalOptions {
  ModelOptions model;
  std::string teacher;
  std::vector<std::string> tasks;
  std::vector<std::string> texts;
  std::string data;
  std::vector<std::string> sets;
  std::optional<int64_t> limit;
  std::vector<std::string> samples;
  std::optional<int64_t> num_fewshot;
  std::string fewshot_sampler;
  std::string fewshot_split;
  std::string chat_template;
  std::string system_instruction;
  bool fewshot_as_multiturn = false;
  std::string gen_kwargs;
  uint64_t seed = tasks::default_fewshot_seed;
  std::string store;
  std::string journal;
  std::string name;
  std::string shard;
  bool dry_run = false;
  bool json = false;
  bool allow_other_data = false;
};

void add_eval_options(CLI::App& verb, EvalOptions& options);

/// "2/4" -> shard 2 of 4; nothing for an empty text. Throws Error for any other form.
std::optional<harness::ShardNumber> parse_shard(const std::string& text);

/// The tasks and groups of --tasks. Throws Error for an empty name or one that is given twice.
harness::NamedTasks named_tasks(const EvalOptions& options);

/// Throws Error for samples, settings and combinations that make no sense, before anything large is
/// opened.
harness::PlanOptions plan_options(const EvalOptions& options, const harness::NamedTasks& named);

/// Throws Error for what was asked for and would change nothing.
void refuse_settings_without_effect(const EvalOptions& options,
                                    const std::vector<harness::PlannedTask>& planned);

}  // namespace hylo::cli
