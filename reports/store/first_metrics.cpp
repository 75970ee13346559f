#include "reports/store/first_metrics.h"

namespace hylo::reports {

std::vector<FirstMetric> first_metrics(const Store& store, int64_t run) {
  const auto cells = store.cells(run);
  std::vector<FirstMetric> first;
  int64_t last = -1;
  for (auto& row : store.aggregates(run)) {
    if (row.cell == last) continue;
    last = row.cell;
    first.push_back({cells.at(static_cast<size_t>(row.cell)).description.task, std::move(row)});
  }
  return first;
}

}  // namespace hylo::reports
