// The strings that define a benchmark, read from a data file that names whom they come from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/prompts/conversation.h"
#include "tasks/prompts/field_path.h"
#include "tasks/prompts/text_template.h"
#include "tasks/scoring/answers.h"

namespace hylo::tasks {

struct ChoicePrompt {
  std::string description;              ///< opens the prompt; may have a place {topic}
  std::vector<TextTemplate> questions;  ///< one, or one per choice
  /// With a question per choice: what is scored after each of them.
  std::optional<TextTemplate> continuation;
  std::vector<FieldPath> choices;         ///< what they lead to, one after another
  std::vector<std::string> choice_texts;  ///< the same for every document, instead of paths
  std::optional<FieldPath> labels;        ///< one per choice; absent: the answer is a number
  std::vector<std::string> label_texts;   ///< the same for every document, instead of a path
  std::optional<FieldPath> answer;        ///< absent: `gold` is the answer of every document
  size_t gold = 0;
  int64_t first_number = 0;          ///< what an answer that is a number counts from
  std::vector<std::string> metrics;  ///< of acc, acc_norm, acc_bytes
  std::optional<FieldPath> cluster;  ///< documents with the same text here are not independent
  /// Choices of white space alone are errors. No key of a file: published suites take them.
  bool refuses_blank_choices = false;
};

struct GenerationPrompt {
  TextTemplate question;
  TextTemplate answer;  ///< the reference, also shown in worked examples
  std::vector<std::string> stop;
  int64_t max_new_tokens = 0;
  std::vector<AnswerFilter> filters;  ///< without any the whole response, stripped, as filter none
  ExactMatch comparison;
  std::vector<Json> shots;  ///< worked examples that belong to the prompt
};

/// A word that ends a text: is it the likeliest, and how likely.
struct LastWordPrompt {
  TextTemplate question;
  TextTemplate target;  ///< with the blank in front that the word has in the text
};

struct PromptFile {
  std::string source;
  std::string licence;
  std::map<std::string, ChoicePrompt, std::less<>> choice;
  std::map<std::string, GenerationPrompt, std::less<>> generation;
  std::map<std::string, LastWordPrompt, std::less<>> last_word;
};

/// Each reads its keys from `reader` and leaves the others unread. Throws Error with the path of
/// the key for what is missing, misspelt or does not parse.
ChoicePrompt read_choice_prompt(JsonReader& reader);
GenerationPrompt read_generation_prompt(JsonReader& reader);
LastWordPrompt read_last_word_prompt(JsonReader& reader);

/// Throws Error as these do, and for keys that nobody knows.
PromptFile read_prompt_file(const std::filesystem::path& file);
/// The same for a file of tasks/prompts.
PromptFile shipped_prompts(std::string_view file);

}  // namespace hylo::tasks
