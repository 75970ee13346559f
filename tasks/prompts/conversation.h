// A description, worked examples and a question: as plain text, or as the messages of a chat.
// Source: lm-evaluation-harness 0.4, lm_eval/api/task.py (fewshot_context) and api/utils.py.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/prompts/chat_template.h"

namespace hylo::tasks {

/// Between a question and its answer, and after each worked example (lm-eval's defaults).
inline constexpr std::string_view answer_delimiter = " ";
inline constexpr std::string_view example_delimiter = "\n\n";

/// How prompts are dressed. The default is plain text.
struct PromptForm {
  std::optional<ChatTemplate> chat;
  std::string system_instruction;     ///< before the task's description
  bool fewshot_as_multiturn = false;  ///< worked examples as turns; else inside the user's message
  [[nodiscard]] bool is_plain() const { return !chat && system_instruction.empty(); }
};

struct WorkedExample {
  std::string question, answer;
};

struct Conversation {
  std::string description;  ///< opens the prompt; ends in its own line feeds
  std::vector<WorkedExample> examples;
  std::string question;
};

/// Plain: instruction, description, "question answer\n\n" of each example, question; a blank line
/// joins instruction and description unless one of them has white space there. In a chat the first
/// two are the system message, the rest one message of the user or, as turns, one each. Throws
/// Error for turns without a chat template.
std::string render(const Conversation& conversation, const PromptForm& form);

/// What stands between the prompt and a choice: nothing in a chat.
std::string_view choice_delimiter(const PromptForm& form);

}  // namespace hylo::tasks
