// WikiText's pages are words separated by blanks; this makes ordinary text of them.
// Source: lm-evaluation-harness 0.4, lm_eval/tasks/wikitext/preprocess_wikitext.py.
#pragma once

#include <string>
#include <string_view>

namespace hylo::tasks {

std::string detokenise_wikitext(std::string_view page);

}  // namespace hylo::tasks
