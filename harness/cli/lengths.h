// Lengths in tokens as people write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hylo::cli {

struct Length {
  std::string text;  ///< as written: "4K"
  int64_t tokens = 0;
};

/// "4K" = 4096, "4k" = 4000, "1M" = 1048576, "1m" = 1000000, "131072". Throws Error, naming
/// `option`, for anything else, a length below 1 and one above 4M.
Length parse_length(std::string_view text, std::string_view option);

/// A list with commas, none twice, in rising order.
std::vector<Length> parse_lengths(std::string_view text, std::string_view option);

}  // namespace hylo::cli
