// The strings that define a benchmark, read from a data file that names whom they come from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/prompts/field_path.h"
#include "tasks/prompts/text_template.h"
#include "tasks/scoring/answers.h"

namespace hylo::tasks {

/// Between a question and its answer, and after each worked example (lm-eval's defaults).
inline constexpr std::string_view answer_delimiter = " ";
inline constexpr std::string_view example_delimiter = "\n\n";

struct ChoicePrompt {
  TextTemplate question;
  std::vector<FieldPath> choices;   ///< what they lead to, one after another
  std::optional<FieldPath> labels;  ///< one per choice; absent: the answer is the choice's number
  FieldPath answer;
};

struct GenerationPrompt {
  TextTemplate question;
  FieldPath answer;  ///< the reference, also shown in worked examples
  std::vector<std::string> stop;
  int64_t max_new_tokens = 0;
  std::vector<AnswerFilter> filters;
  ExactMatch comparison;
};

struct PromptFile {
  std::string source;
  std::string licence;
  std::map<std::string, ChoicePrompt, std::less<>> choice;
  std::map<std::string, GenerationPrompt, std::less<>> generation;
};

/// Throws Error with the path of the key for what is missing, misspelt or does not parse.
PromptFile read_prompt_file(const std::filesystem::path& file);

}  // namespace hylo::tasks
