#include "harness/base/whole_number.h"

#include <charconv>

namespace hylo {

std::optional<int64_t> parse_whole_number(std::string_view text) {
  int64_t number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, failure] = std::from_chars(text.data(), last, number);
  if (failure != std::errc() || end != last) return std::nullopt;
  return number;
}

}  // namespace hylo
