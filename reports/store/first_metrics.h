// The one number by which a task is quoted where there is room for one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reports/store/store.h"

namespace hylo::reports {

struct FirstMetric {
  std::string task;
  CellAggregate row;
};

/// The first metric of each cell of a run, in order of cells, from the scores that are there now.
std::vector<FirstMetric> first_metrics(const Store& store, int64_t run);

}  // namespace hylo::reports
