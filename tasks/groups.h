// All groups of tasks, by name.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/core/group.h"

namespace hylo::tasks {

/// In the order in which lists show them; a group comes after those that it contains.
std::vector<GroupInfo> all_groups();

std::optional<GroupInfo> find_group(std::string_view name);

/// The tasks of a group and of the groups inside it, each once, in order.
std::vector<std::string> tasks_of(const GroupInfo& group);

}  // namespace hylo::tasks
