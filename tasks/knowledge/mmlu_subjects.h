// The 57 subjects of MMLU and the four fields that they belong to.
// Source: lm-evaluation-harness 0.4, lm_eval/tasks/mmlu.
#pragma once

#include <span>
#include <string_view>

namespace hylo::tasks {

struct MmluSubject {
  std::string_view name;   ///< of its files: abstract_algebra
  std::string_view field;  ///< stem, other, social_sciences or humanities
};

/// Field by field, each in order of the alphabet.
std::span<const MmluSubject> mmlu_subjects();

/// In the order in which lm-eval shows them.
std::span<const std::string_view> mmlu_fields();

}  // namespace hylo::tasks
