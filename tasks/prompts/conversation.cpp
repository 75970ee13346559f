#include "tasks/prompts/conversation.h"

#include "harness/base/error.h"
#include "harness/base/unicode.h"

namespace hylo::tasks {
namespace {

bool begins_with_space(std::string_view text) { return python_lstrip(text).size() < text.size(); }
bool ends_with_space(std::string_view text) { return python_rstrip(text).size() < text.size(); }

std::string system_text(const PromptForm& form, const std::string& description) {
  const auto& instruction = form.system_instruction;
  const bool needs_delimiter = !instruction.empty() && !description.empty() &&
                               !ends_with_space(instruction) && !begins_with_space(description);
  return instruction + std::string(needs_delimiter ? example_delimiter : "") + description;
}

std::string as_one_text(const Conversation& conversation) {
  std::string text;
  for (const auto& [question, answer] : conversation.examples) {
    text += question;
    text += answer_delimiter;
    text += answer;
    text += example_delimiter;
  }
  return text + conversation.question;
}

std::vector<Message> as_turns(const Conversation& conversation) {
  std::vector<Message> turns;
  for (const auto& [question, answer] : conversation.examples) {
    turns.push_back({Role::User, question});
    turns.push_back({Role::Assistant, answer});
  }
  turns.push_back({Role::User, conversation.question});
  return turns;
}

}  // namespace

std::string render(const Conversation& conversation, const PromptForm& form) {
  const auto system = system_text(form, conversation.description);
  require(form.chat || !form.fewshot_as_multiturn,
          "worked examples as turns need a chat template; name one with --chat-template");
  if (!form.chat) return system + as_one_text(conversation);
  std::vector<Message> messages;
  if (!system.empty()) messages.push_back({Role::System, system});
  if (form.fewshot_as_multiturn) {
    for (auto& turn : as_turns(conversation)) messages.push_back(std::move(turn));
  } else {
    messages.push_back({Role::User, as_one_text(conversation)});
  }
  return render_chat(*form.chat, messages);
}

std::string_view choice_delimiter(const PromptForm& form) {
  return form.chat ? std::string_view() : answer_delimiter;
}

}  // namespace hylo::tasks
