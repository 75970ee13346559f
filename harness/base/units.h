// Quantities for people: bytes, counts, durations.
#pragma once

#include <cstdint>
#include <string>

namespace hylo {

std::string human_bytes(int64_t bytes);      ///< "2.30 GiB"; exact below 1 KiB
std::string human_seconds(double seconds);   ///< "0.8 s", "3 min 20 s", "2 h 05 min"
std::string with_thousands(int64_t number);  ///< "1,235,814,400"

}  // namespace hylo
