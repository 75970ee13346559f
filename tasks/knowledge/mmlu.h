// MMLU: a suite per subject, in lm-eval's two forms.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tasks/choice/choice_task.h"

namespace hylo::tasks {

/// The form in which a subject is asked; it ends the names of its tasks and groups.
inline constexpr std::string_view mmlu_letters = "";  ///< the choices are shown, letters are scored
inline constexpr std::string_view mmlu_continuation = "_continuation";  ///< their texts are scored

/// "mmlu_" + what + form.
std::string mmlu_name(std::string_view what, std::string_view form);

/// 57 rows for each of the two forms.
std::vector<ChoiceSuite> mmlu_suites();

}  // namespace hylo::tasks
