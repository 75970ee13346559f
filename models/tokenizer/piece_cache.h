// Ids of pieces that were seen lately.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "models/tokenizer/text_hash.h"

namespace hylo::models {

/// A table of fixed size; a piece takes the place of another one with the same slot. Holds short
/// pieces with few ids only, which are nearly all. For one thread.
class PieceCache {
 public:
  PieceCache() : entries_(num_entries) {}

  /// The ids of the piece; empty when it is not there.
  [[nodiscard]] std::span<const int32_t> find(std::string_view piece) const {
    if (piece.size() > max_bytes) return {};
    const Entry& entry = entries_[slot_of(piece)];
    const bool is_hit = entry.num_bytes == piece.size() &&
                        std::memcmp(entry.bytes.data(), piece.data(), piece.size()) == 0;
    return is_hit ? std::span<const int32_t>(entry.ids.data(), entry.num_ids)
                  : std::span<const int32_t>();
  }

  /// Does nothing when the piece or its ids are too long.
  void put(std::string_view piece, std::span<const int32_t> ids) {
    if (piece.size() > max_bytes || ids.size() > max_ids || ids.empty()) return;
    Entry& entry = entries_[slot_of(piece)];
    entry.num_bytes = static_cast<uint8_t>(piece.size());
    entry.num_ids = static_cast<uint8_t>(ids.size());
    std::memcpy(entry.bytes.data(), piece.data(), piece.size());
    std::memcpy(entry.ids.data(), ids.data(), ids.size_bytes());
  }

 private:
  static constexpr size_t num_entries = 1 << 15;  // 2 MB
  static constexpr size_t max_bytes = 30, max_ids = 8;
  struct Entry {
    uint8_t num_bytes = 0;  // 0: free; no piece is empty
    uint8_t num_ids = 0;
    std::array<char, max_bytes> bytes{};
    std::array<int32_t, max_ids> ids{};
  };
  static_assert(sizeof(Entry) == 64);

  static size_t slot_of(std::string_view piece) { return text_hash(piece) & (num_entries - 1); }

  std::vector<Entry> entries_;
};

}  // namespace hylo::models
