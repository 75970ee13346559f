// RACE: all questions about an article but the last are shown answered, the last is asked.
// Source: lm-evaluation-harness 0.4, lm_eval/tasks/race (version 3 of the task, read at commit
// 4e7e0d4). Version 3 shows an earlier question that ends in a gap without the gap; version 2 and
// before kept only its last five characters, so their prompts and scores are others.
// Unverified: no run of either version and no file of the hub was at hand, so neither a prompt nor
// the form of the field problems nor the number of articles (1,045) was ever held against theirs.
#pragma once

#include "harness/base/json.h"

namespace hylo::tasks {

/// Of an article and its problems (a list, or the text of a Python list as the hub has it) the
/// fields article, earlier (the problems before the last, as text), question, options, answer (the
/// letter). Throws Error where there is no problem, or an answer is none of A to D.
Json prepare_race(const Json& fields);

}  // namespace hylo::tasks
