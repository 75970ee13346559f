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

}  // namespace hylo::kernels::torch_form
