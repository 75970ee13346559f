// Names on the command line to tasks and groups, and groups to what the store keeps of them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "reports/store/records.h"
#include "tasks/core/group.h"

namespace hylo::harness {

/// What names stand for: every task once, in order of its first mention, and the groups among them.
struct NamedTasks {
  std::vector<std::string> tasks;
  std::vector<tasks::GroupInfo> groups;
};

/// A group stands for its tasks. Throws Error when a name is given twice; names that are no group
/// are passed on as tasks.
NamedTasks expand_groups(std::span<const std::string> names);

/// Groups as rows over the cells of a run: a group and, before it, those inside it; one row per
/// kind of mean. A group that is quoted by documents takes the tasks of the groups inside it one by
/// one, any other takes such a group as one value.
/// Throws Error when a cell lacks a member's metric.
std::vector<reports::GroupDescription> describe_groups(
    std::span<const tasks::GroupInfo> groups, std::span<const reports::CellDescription> cells);

}  // namespace hylo::harness
