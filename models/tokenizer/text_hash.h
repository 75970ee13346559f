// A fast hash of short byte strings, for tables that live in memory only.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace hylo::models {

inline uint64_t mix_bits(uint64_t x) {
  x ^= x >> 32;
  x *= 0xD6E8FEB86659FD93ULL;
  x ^= x >> 29;
  return x;
}

inline uint64_t text_hash(std::string_view text) {
  uint64_t hash = text.size() * 0x9E3779B97F4A7C15ULL;
  while (text.size() >= 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data(), 8);
    hash = mix_bits((hash ^ word) * 0x9E3779B97F4A7C15ULL);
    text.remove_prefix(8);
  }
  uint64_t rest = 0;
  std::memcpy(&rest, text.data(), text.size());
  return mix_bits((hash ^ rest) * 0x9E3779B97F4A7C15ULL);
}

}  // namespace hylo::models
