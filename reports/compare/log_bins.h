// Long series in few points: bins whose widths grow with the distance from the start.
#pragma once

#include <cstdint>
#include <vector>

namespace hylo::reports {

/// Where each bin of a series of `size` items ends, ascending, the last at `size`: at most
/// `max_bins`, equally wide on a logarithmic scale where that is more than an item. A series that
/// is no longer than that gets a bin per item.
std::vector<int64_t> log_bins(int64_t size, int64_t max_bins);

}  // namespace hylo::reports
