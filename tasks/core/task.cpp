#include "tasks/core/task.h"

#include <algorithm>

namespace hylo::tasks {

Score failed_score(const TaskInfo& info) {
  Score score;
  for (const auto& metric : info.metrics) {
    score.push_back({.metric = metric.name, .filter = metric.filter});
  }
  return score;
}

bool any_failed(std::span<const Response> responses) {
  return std::ranges::any_of(responses,
                             [](const Response& r) { return std::holds_alternative<Failed>(r); });
}

}  // namespace hylo::tasks
