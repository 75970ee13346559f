// The command line of this process, as it is stored with runs.
#pragma once

#include <string>
#include <vector>

namespace hylo::cli {

/// The words that it was started with.
std::vector<std::string> own_command_line();

}  // namespace hylo::cli
