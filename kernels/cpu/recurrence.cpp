#include "kernels/cpu/recurrence.h"

#include <algorithm>
#include <numeric>

namespace hylo::kernels::cpu {

int64_t heads_of_a_task(const RecurrenceIn& in) {
  constexpr int64_t work_of_a_task = 1 << 16;  // elements of states passed over: some 10 us
  if (in.sequences.empty()) return 1;
  const int64_t rows =
      std::transform_reduce(in.sequences.begin(), in.sequences.end(), int64_t{0}, std::plus<>(),
                            [](const RowRange& s) { return s.num_rows; });
  const int64_t rows_of_each = rows / static_cast<int64_t>(in.sequences.size()) + 1;
  const int64_t work_of_a_head = rows_of_each * in.k_NHK.size(2) * in.v_NHV.size(2);
  return std::max<int64_t>(1, work_of_a_task / std::max<int64_t>(1, work_of_a_head));
}

int64_t num_segments(const RowRange& sequence) {
  return (sequence.num_rows + segment_rows - 1) / segment_rows;
}

RowRange segment_of(const RowRange& sequence, int64_t segment) {
  const int64_t begin = segment * segment_rows;
  return {sequence.first_row + begin, std::min(segment_rows, sequence.num_rows - begin)};
}

std::vector<int64_t> first_segments_of(std::span<const RowRange> sequences) {
  std::vector<int64_t> first{0};
  for (const auto& sequence : sequences) first.push_back(first.back() + num_segments(sequence));
  return first;
}

}  // namespace hylo::kernels::cpu
