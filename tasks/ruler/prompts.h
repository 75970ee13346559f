// The strings of RULER (tasks/ruler/ruler.json) and how they become a prompt.
// Source: NVIDIA/RULER c3f5e3b, scripts/data/synthetic/constants.py (Apache-2.0).
#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hylo::tasks::ruler {

struct FamilyPrompt {
  std::string task;           ///< with places such as {context} and {query}
  std::string answer_prefix;  ///< follows the task; the model goes on from here
};

struct RulerPrompts {
  FamilyPrompt niah, vt, cwe, fwe, qa;
  std::string needle;    ///< {type_needle_v}, {key}, {value}
  std::string document;  ///< of qa: {i}, {document}
  std::string noise;     ///< the line that noise is made of
  std::string source, licence;
};

/// Reads the data file. Throws Error with the path of the key for what is missing or misspelt.
RulerPrompts read_ruler_prompts(const std::filesystem::path& file);
/// The one that hylo ships.
RulerPrompts read_ruler_prompts();

using Place = std::pair<std::string_view, std::string_view>;  ///< name, text

/// Puts texts where {name} stands. Texts are not searched for places themselves. Throws Error for a
/// place that has no text.
std::string fill(std::string_view text, std::initializer_list<Place> places);

/// The prompt of a question with one answer: "Some" -> "A", "are all" -> "is", "are" -> "is",
/// "answers" -> "answer", wherever they stand. The kind of value loses its plural s apart from
/// this.
FamilyPrompt in_the_singular(const FamilyPrompt& prompt);

/// "a", "a, and b", "a, b, and c".
std::string query_list(const std::vector<std::string>& keys);

}  // namespace hylo::tasks::ruler
