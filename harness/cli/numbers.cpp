#include "harness/cli/numbers.h"

#include <fmt/format.h>

#include <string>

#include "harness/base/whole_number.h"

namespace hylo::cli {
CLI::Validator whole_number(int64_t least, int64_t most) {
  const auto range = most == std::numeric_limits<int64_t>::max()
                         ? fmt::format("from {}", least)
                         : fmt::format("from {} to {}", least, most);
  return {[=](const std::string& text) -> std::string {
            const auto number = parse_whole_number(text);
            if (number && *number >= least && *number <= most) return "";
            return fmt::format("expected a whole number {}, found '{}'", range, text);
          },
          range};
}

}  // namespace hylo::cli
