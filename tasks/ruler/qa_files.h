// Question files in their published forms.
#pragma once

#include <filesystem>

#include "tasks/ruler/sources.h"

namespace hylo::tasks::ruler {

/// The bytes of a source. Throws Error when it is missing, empty or not UTF-8.
std::string read_source_text(const std::filesystem::path& file);

/// SQuAD, v1.1 or v2.0: {"data": [{"title", "paragraphs": [{"context", "qas": [...]}]}]}. Questions
/// that are marked impossible are left out. The golden document is the question's paragraph,
/// `related` the others of its article, repeated ones as often as they occur.
QaSet read_squad(const std::filesystem::path& file);

/// HotpotQA: a JSON list, or one question a line; "context" as [[title, [sentences]], ...] or as
/// {"title": [...], "sentences": [[...], ...]}. A document is its title, a line feed and its
/// sentences; all documents of a question are golden. Supporting are those that "supporting_facts"
/// names ([[title, sentence], ...] or {"title": [...], ...}; it may be absent), in its order, but
/// first the first one in which the answer stands as whole words, in any case. The answers yes and
/// no stand nowhere.
QaSet read_hotpotqa(const std::filesystem::path& file);

}  // namespace hylo::tasks::ruler
