// GSM8K: grade-school mathematics, answered in free text, in the forms that papers report.
#pragma once

#include <vector>

#include "tasks/generation/generation_task.h"

namespace hylo::tasks {

std::vector<GenerationSuite> gsm8k_suites();

}  // namespace hylo::tasks
