// Whole numbers out of texts.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hylo {

/// The number that all of the text is, with a minus in front or without. Nothing for anything else:
/// an empty text, a plus, a blank, a number that 64 bits do not hold.
std::optional<int64_t> parse_whole_number(std::string_view text);

}  // namespace hylo
