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

}  // namespace hylo::kernels::cpu
