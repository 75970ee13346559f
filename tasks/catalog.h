// All tasks, by name.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/core/task.h"

namespace hylo::tasks {

/// In the order in which lists show them.
std::vector<std::string> task_names();

bool is_task(std::string_view name);

/// Throws Error with the nearest name when there is no such task.
std::unique_ptr<Task> make_task(std::string_view name, const TaskSettings& settings = {});

}  // namespace hylo::tasks
