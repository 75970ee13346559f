// Suites of users, without C++: a JSON file that names the data, the prompt and the metrics. The
// README beside this file has the format with an example.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "tasks/core/task.h"

namespace hylo::tasks {

/// A name that ends in .json is the path of a task file.
bool is_task_file(std::string_view name);

/// Reads the task file, not its data. Throws Error with the path of the key for what is missing,
/// misspelt or of the wrong type.
std::unique_ptr<Task> read_custom_task(const std::filesystem::path& file);

}  // namespace hylo::tasks
