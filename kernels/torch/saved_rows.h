// Sequences as a backward pass finds them again: a context keeps numbers, not structs.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/ops/row_range.h"

namespace hylo::kernels::torch_form {

inline std::vector<int64_t> numbers_of(std::span<const RowRange> sequences) {
  std::vector<int64_t> numbers;
  numbers.reserve(2 * sequences.size());
  for (const auto& sequence : sequences) {
    numbers.push_back(sequence.first_row);
    numbers.push_back(sequence.num_rows);
  }
  return numbers;
}

inline std::vector<RowRange> sequences_of(const std::vector<int64_t>& numbers) {
  std::vector<RowRange> sequences;
  sequences.reserve(numbers.size() / 2);
  for (size_t i = 0; i < numbers.size(); i += 2) sequences.push_back({numbers[i], numbers[i + 1]});
  return sequences;
}

/// Sequences one after another without a gap: then all of a result will be written.
inline bool every_row_is_somebodys(std::span<const RowRange> sequences, int64_t num_rows) {
  int64_t end = 0;
  for (const auto& sequence : sequences) {
    if (sequence.first_row != end) return false;
    end += sequence.num_rows;
  }
  return end == num_rows;
}

}  // namespace hylo::kernels::torch_form
