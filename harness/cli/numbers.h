// Numbers on the command line, refused in words that help.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>

namespace hylo::cli {

/// For add_option(...)->check(...): "--limit: expected a whole number from 1, found '0'".
CLI::Validator whole_number(int64_t least, int64_t most = std::numeric_limits<int64_t>::max());

}  // namespace hylo::cli
