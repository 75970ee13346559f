#include "harness/cli/numbers.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string>

namespace hylo::cli {
namespace {

std::optional<int64_t> parsed(const std::string& text) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, number);
  if (failure != std::errc() || stop != end) return std::nullopt;
  return number;
}

}  // namespace

CLI::Validator whole_number(int64_t least, int64_t most) {
  const auto range = most == std::numeric_limits<int64_t>::max()
                         ? fmt::format("from {}", least)
                         : fmt::format("from {} to {}", least, most);
  return {[=](const std::string& text) -> std::string {
            const auto number = parsed(text);
            if (number && *number >= least && *number <= most) return "";
            return fmt::format("expected a whole number {}, found '{}'", range, text);
          },
          range};
}

}  // namespace hylo::cli
