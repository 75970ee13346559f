#include "reports/compare/log_bins.h"

#include <algorithm>
#include <cmath>

namespace hylo::reports {

std::vector<int64_t> log_bins(int64_t size, int64_t max_bins) {
  std::vector<int64_t> ends;
  int64_t end = 0;
  // What is left of the scale is divided anew after each bin: those that are one item wide where
  // they should be narrower take nothing from the others.
  for (int64_t left = max_bins; left > 0 && end < size; --left) {
    const auto from = static_cast<double>(std::max<int64_t>(end, 1));
    const double ratio =
        std::pow(static_cast<double>(size) / from, 1.0 / static_cast<double>(left));
    const auto wanted = static_cast<int64_t>(std::llround(from * ratio));
    end = left == 1 ? size : std::min(std::max(wanted, end + 1), size);
    ends.push_back(end);
  }
  return ends;
}

}  // namespace hylo::reports
