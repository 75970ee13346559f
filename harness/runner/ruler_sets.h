// Which sample sets of RULER a name on the command line stands for.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "harness/runner/plan.h"
#include "harness/system/system_under_test.h"
#include "tasks/core/group.h"

namespace hylo::harness {

/// "ruler", "ruler@4096", "vt" and "vt@4096" do.
bool names_sample_sets(std::string_view name);

/// The sets that `name` stands for among those of `places` (files, or folders of sets), in the
/// order of RULER's tasks, shorter lengths first. Throws Error, telling the command that builds
/// them, where there is none, and where two are of one task and length.
std::vector<std::filesystem::path> sample_sets_named(
    std::string_view name, const std::vector<std::filesystem::path>& places);

/// A set as a task with its documents; nothing is asked yet. Its cell records what the set was made
/// of.
PlannedTask open_sample_set(const std::filesystem::path& file, const tasks::PromptOptions& prompts);

/// The mean over the tasks of RULER at each length at which there are several: "ruler@4096".
std::vector<tasks::GroupInfo> ruler_groups(const std::vector<PlannedTask>& tasks);

/// The same with its requests.
PlannedTask plan_sample_set(const std::filesystem::path& file, const PlanOptions& options);

/// Throws Error where a set was built for another tokenizer than the system's: its lengths are
/// others. Allowed, the cell records it. A system without a tokenizer of its own takes every set.
void check_tokenizers(std::vector<PlannedTask>& tasks, const SystemUnderTest& system,
                      bool allow_others);

}  // namespace hylo::harness
