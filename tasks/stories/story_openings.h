// Story openings in the words of very young children, each with a sensible and a broken
// continuation: a suite that needs no download. A small seeded grammar makes the documents.
#pragma once

#include <cstdint>

#include "tasks/choice/choice_task.h"
#include "tasks/stories/story_grammar.h"

namespace hylo::tasks {

/// The row of the suite.
ChoiceSuite story_openings();

inline constexpr int64_t num_story_openings = 280;

/// Fields: opening, choices, answer (the number of the sensible choice), kind (of the break), frame
/// (its number; documents of one frame are not independent). The same number gives the same
/// document whatever else was made.
Document story_opening(const StoryGrammar& grammar, int64_t index);

}  // namespace hylo::tasks
