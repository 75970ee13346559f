// Texts of our own for samples of RULER, so that it needs no download: words from syllables, plain
// sentences, questions about invented people and towns. The same on every machine.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tasks/ruler/sources.h"

namespace hylo::tasks::ruler {

/// Names these texts in the identity of a sample set; another text is another revision.
inline constexpr std::string_view generated_revision = "generated-1";

/// Pronounceable words, no word twice in all lists together: 1,000 adjectives, 7,000 nouns, 1,200
/// verbs.
Words generated_words();

/// 150,000 words for long lists, none twice, none in generated_words().
std::vector<std::string> generated_more_words();

/// 8,000 plain English sentences in paragraphs, about 600 KB.
std::string generated_essay();

/// Articles about towns, five paragraphs each, one about each of five people who live there; four
/// questions about every person, whose name occurs in no other paragraph.
QaSet generated_squad();

/// Questions in two hops (a person to a town, the town to what is asked), each with ten paragraphs:
/// five people and their five towns. Every answer stands in the town's paragraph.
QaSet generated_hotpotqa();

}  // namespace hylo::tasks::ruler
