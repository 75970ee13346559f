// The suites of common sense, science and reading that lm-eval asks as multiple choice.
#pragma once

#include <vector>

#include "tasks/choice/choice_task.h"

namespace hylo::tasks {

std::vector<ChoiceSuite> commonsense_suites();

}  // namespace hylo::tasks
