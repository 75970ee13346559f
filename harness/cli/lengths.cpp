#include "harness/cli/lengths.h"

#include <algorithm>

#include "harness/base/error.h"
#include "harness/base/unicode.h"
#include "harness/base/whole_number.h"

namespace hylo::cli {
namespace {

constexpr int64_t most_tokens = int64_t{4} << 20;

int64_t unit_of(char suffix) {
  switch (suffix) {
    case 'K':
      return 1024;
    case 'k':
      return 1000;
    case 'M':
      return 1024 * 1024;
    case 'm':
      return 1000 * 1000;
    default:
      return 0;
  }
}

}  // namespace

Length parse_length(std::string_view text, std::string_view option) {
  const int64_t unit = text.empty() ? 0 : unit_of(text.back());
  const auto digits = text.substr(0, text.size() - (unit > 0 ? 1 : 0));
  const auto number = parse_whole_number(digits);
  const bool all_digits =
      !digits.empty() && std::ranges::all_of(digits, [](char c) { return '0' <= c && c <= '9'; });
  require(!all_digits || (number && *number <= most_tokens / std::max<int64_t>(unit, 1)),
          "{}: '{}' is too long; samples have at most 4M ({}) tokens", option, text, most_tokens);
  require(number && *number >= 1,
          "{}: expected a length such as 4K (4096), 4k (4000), 1M or 131072, found '{}'", option,
          text);
  return {std::string(text), *number * std::max<int64_t>(unit, 1)};
}

std::vector<Length> parse_lengths(std::string_view text, std::string_view option) {
  std::vector<Length> lengths;
  for (const auto piece : split(text, ',')) lengths.push_back(parse_length(piece, option));
  std::ranges::stable_sort(lengths, {}, &Length::tokens);
  const auto twice = std::ranges::adjacent_find(lengths, {}, &Length::tokens);
  require(twice == lengths.end(), "{}: {} tokens are named twice in '{}'", option,
          twice == lengths.end() ? 0 : twice->tokens, text);
  return lengths;
}

}  // namespace hylo::cli
