#include "models/tokenizer/vocabulary.h"

#include <bit>

#include "harness/base/error.h"
#include "models/tokenizer/text_hash.h"

namespace hylo::models {

void Vocabulary::add(std::string_view token, int64_t id) {
  require(id >= 0 && id <= max_id, "vocabulary: token '{}' has id {}, expected 0 to {}", token, id,
          max_id);
  require(!has(id), "vocabulary: tokens '{}' and '{}' have one id, {}",
          has(id) ? this->token(static_cast<int32_t>(id)) : "", token, id);
  if (2 * (num_tokens_ + 1) > slots_.size()) grow(2 * (num_tokens_ + 1));
  const size_t slot = slot_of(token);
  require(slots_[slot] < 0, "vocabulary: token '{}' has two ids, {} and {}", token, slots_[slot],
          id);
  slots_[slot] = static_cast<int32_t>(id);
  if (id >= end_id()) places_.resize(static_cast<size_t>(id) + 1);
  places_[static_cast<size_t>(id)] = {static_cast<uint32_t>(texts_.size()),
                                      static_cast<uint32_t>(token.size())};
  texts_ += token;
  ++num_tokens_;
}

void Vocabulary::reserve(size_t num_tokens) {
  places_.reserve(num_tokens);
  texts_.reserve(8 * num_tokens);
  if (2 * num_tokens > slots_.size()) grow(2 * num_tokens);
}

std::optional<int32_t> Vocabulary::find(std::string_view token) const {
  if (slots_.empty()) return std::nullopt;
  const int32_t id = slots_[slot_of(token)];
  return id < 0 ? std::nullopt : std::optional(id);
}

bool Vocabulary::has(int64_t id) const {
  return id >= 0 && id < end_id() && places_[static_cast<size_t>(id)].size != absent;
}

std::string_view Vocabulary::token(int32_t id) const {
  const auto [begin, size] = places_[static_cast<size_t>(id)];
  return std::string_view(texts_).substr(begin, size);
}

size_t Vocabulary::slot_of(std::string_view token) const {
  size_t slot = text_hash(token) & (slots_.size() - 1);
  while (slots_[slot] >= 0 && this->token(slots_[slot]) != token) {
    slot = (slot + 1) & (slots_.size() - 1);
  }
  return slot;
}

void Vocabulary::grow(size_t num_slots) {
  slots_.assign(std::bit_ceil(std::max<size_t>(num_slots, 64)), -1);
  for (int32_t id = 0; id < end_id(); ++id) {
    if (has(id)) slots_[slot_of(token(id))] = id;
  }
}

}  // namespace hylo::models
