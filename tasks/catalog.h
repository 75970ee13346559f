// All tasks, by name; tasks of users, by the path of their file.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/core/task.h"

namespace hylo::tasks {

/// In the order in which lists show them.
std::vector<std::string> task_names();

/// A name of the catalog, or a path that ends in .json: a task file (tasks/custom).
bool is_task(std::string_view name);

/// Throws Error with the nearest name when there is no such task, and for a task file that cannot
/// be read or bears the name of a task or group of the catalog.
std::unique_ptr<Task> make_task(std::string_view name, const TaskSettings& settings = {});

}  // namespace hylo::tasks
