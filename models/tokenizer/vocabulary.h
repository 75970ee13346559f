// Tokens by id and by text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hylo::models {

/// A two-way table. Ids need not be dense; none is larger than max_id.
class Vocabulary {
 public:
  static constexpr int64_t max_id =
      (1 << 24) - 1;  // a larger one is a damaged file, not a vocabulary

  /// Throws Error when the id is negative or too large, or the id or the token is there already.
  void add(std::string_view token, int64_t id);
  void reserve(size_t num_tokens);

  [[nodiscard]] std::optional<int32_t> find(std::string_view token) const;
  [[nodiscard]] bool has(int64_t id) const;
  /// The text of an id that the vocabulary has; valid until the next add.
  [[nodiscard]] std::string_view token(int32_t id) const;
  [[nodiscard]] int32_t end_id() const { return static_cast<int32_t>(places_.size()); }

 private:
  struct Place {
    uint32_t begin = 0;
    uint32_t size = absent;
  };
  static constexpr uint32_t absent = 0xFFFFFFFF;

  [[nodiscard]] size_t slot_of(std::string_view token) const;
  void grow(size_t num_slots);

  std::string texts_;
  std::vector<Place> places_;   // by id
  std::vector<int32_t> slots_;  // open addressing; -1 is free
  size_t num_tokens_ = 0;
};

}  // namespace hylo::models
