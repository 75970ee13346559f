// Scores of multiple choice from the log-likelihoods of the choices.
// Source: lm-evaluation-harness 0.4, lm_eval/api/task.py (acc, acc_norm, acc_bytes).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "tasks/core/task.h"

namespace hylo::tasks {

/// acc: the most likely choice; acc_norm: per code point of the choice; acc_bytes: per byte of its
/// UTF-8.
std::vector<MetricInfo> choice_metrics();
/// Those of them that are named, in the order above. Throws Error for a name that is none of them.
std::vector<MetricInfo> choice_metrics(std::span<const std::string> names);

/// 1 where the arg max is `gold`, else 0; the first of equal maxima wins. A likelihood that is not
/// a number leaves the values absent. `choices` are the texts without the blank in front.
Score choice_score(std::span<const std::string> choices, size_t gold,
                   std::span<const double> log_likelihoods);

}  // namespace hylo::tasks
