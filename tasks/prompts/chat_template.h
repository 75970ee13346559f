// The texts that chat models were trained on: messages with their marks.
// Sources: the chat_template of the published tokenizers of Meta-Llama-3, Llama-3.1 and 3.2,
// Qwen2.5, Qwen3 and Mistral-7B-Instruct-v0.3, for conversations without tools.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hylo::tasks {

enum class ChatTemplate {
  Llama3,   ///< nothing but the messages
  Llama31,  ///< always a system message, with the template's own two dates in front
  Qwen,     ///< ChatML as Qwen3 has it: nothing but the messages, earlier thoughts left out
  Qwen25,   ///< ChatML with Qwen2.5's own system message where none is given
  Mistral,  ///< version 3 of [INST]: the system message stands before the last user message
};

enum class Role { System, User, Assistant };

struct Message {
  Role role = Role::User;
  std::string text;
};

/// The conversation as one text, beginning with the beginning-of-text mark where the template has
/// one and ending where the assistant's answer begins. Throws Error for messages that do not run
/// [system] user (assistant user)*.
std::string render_chat(ChatTemplate chat, std::span<const Message> messages);

/// The names that command lines use: llama3, llama3.1, qwen, qwen2.5, mistral.
std::vector<std::string> chat_template_names();
std::string name_of(ChatTemplate chat);
std::optional<ChatTemplate> chat_template_named(std::string_view name);

}  // namespace hylo::tasks
