// HellaSwag's texts come from WikiHow and captions and carry marks of their origin.
// Source: lm-evaluation-harness 0.4, lm_eval/tasks/hellaswag/utils.py (preprocess).
#pragma once

#include <string>
#include <string_view>

namespace hylo::tasks {

/// Strips, turns " [title]" into ". ", deletes every other [...] within a line, and makes of each
/// pair of blanks one (once: three blanks become two). The result is not stripped again.
std::string clean_hellaswag(std::string_view text);

}  // namespace hylo::tasks
