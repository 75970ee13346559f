#include "tasks/prompts/chat_template.h"

#include <algorithm>
#include <array>
#include <utility>

#include "harness/base/error.h"
#include "harness/base/unicode.h"

namespace hylo::tasks {
namespace {

constexpr std::array<std::pair<std::string_view, ChatTemplate>, 5> names{{
    {"llama3", ChatTemplate::Llama3},
    {"llama3.1", ChatTemplate::Llama31},
    {"qwen", ChatTemplate::Qwen},
    {"qwen2.5", ChatTemplate::Qwen25},
    {"mistral", ChatTemplate::Mistral},
}};

// The published template of Llama 3.2 puts the day of the run here where its engine tells it; the
// fixed day is what all of them fall back to, and the same prompt on every day.
constexpr std::string_view llama31_dates =
    "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n";
constexpr std::string_view qwen25_system =
    "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.";

std::string_view word_of(Role role) {
  switch (role) {
    case Role::System:
      return "system";
    case Role::User:
      return "user";
    case Role::Assistant:
      return "assistant";
  }
  invariant(false, "role {} has no name", static_cast<int>(role));
  return {};
}

/// A system message, empty where there is none, and the turns after it.
struct Parts {
  std::optional<std::string_view> system;
  std::span<const Message> turns;
};

Parts parts_of(std::span<const Message> messages) {
  Parts parts{.system = {}, .turns = messages};
  if (!messages.empty() && messages.front().role == Role::System) {
    parts = {.system = messages.front().text, .turns = messages.subspan(1)};
  }
  require(parts.turns.size() % 2 == 1,
          "chat: expected messages that end with one of the user, found {} messages",
          messages.size());
  for (size_t i = 0; i < parts.turns.size(); ++i) {
    const Role expected = i % 2 == 0 ? Role::User : Role::Assistant;
    require(parts.turns[i].role == expected, "chat: message {}: expected {}, found {}", i,
            word_of(expected), word_of(parts.turns[i].role));
  }
  return parts;
}

std::string llama_message(std::string_view role, std::string_view text) {
  return fmt::format("<|start_header_id|>{}<|end_header_id|>\n\n{}<|eot_id|>", role, text);
}

std::string render_llama(const Parts& parts, bool has_dates) {
  std::string out = "<|begin_of_text|>";
  const auto system = python_strip(parts.system.value_or(""));
  if (has_dates) {
    out += llama_message("system", fmt::format("{}{}", llama31_dates, system));
  } else if (parts.system) {
    out += llama_message("system", system);
  }
  for (const auto& [role, text] : parts.turns) {
    out += llama_message(word_of(role), python_strip(text));
  }
  return out + "<|start_header_id|>assistant<|end_header_id|>\n\n";
}

/// What remains of an earlier answer: its thoughts are not shown again.
std::string_view without_thoughts(std::string_view answer) {
  constexpr std::string_view end_of_thoughts = "</think>";
  const auto end = answer.rfind(end_of_thoughts);
  if (end == std::string_view::npos) return answer;
  answer.remove_prefix(end + end_of_thoughts.size());
  answer.remove_prefix(std::min(answer.find_first_not_of('\n'), answer.size()));
  return answer;
}

struct ChatMl {
  std::string_view default_system;
  bool leaves_out_thoughts = false;
};

std::string render_qwen(const Parts& parts, const ChatMl& form) {
  std::string out;
  const auto add = [&](std::string_view role, std::string_view text) {
    out += fmt::format("<|im_start|>{}\n{}<|im_end|>\n", role, text);
  };
  const auto system = parts.system.value_or(form.default_system);
  if (parts.system || !system.empty()) add("system", system);
  for (const auto& [role, text] : parts.turns) {
    const bool is_cut = role == Role::Assistant && form.leaves_out_thoughts;
    add(word_of(role), is_cut ? without_thoughts(text) : text);
  }
  return out + "<|im_start|>assistant\n";
}

std::string render_mistral(const Parts& parts) {
  std::string out = "<s>";
  for (size_t i = 0; i < parts.turns.size(); ++i) {
    const auto& [role, text] = parts.turns[i];
    if (role == Role::Assistant) {
      out += fmt::format(" {}</s>", python_strip(text));
      continue;
    }
    const bool is_last = i + 1 == parts.turns.size();
    const auto system = is_last && parts.system ? fmt::format("{}\n\n", *parts.system) : "";
    out += fmt::format("[INST] {}{}[/INST]", system, text);
  }
  return out;
}

}  // namespace

std::string render_chat(ChatTemplate chat, std::span<const Message> messages) {
  const Parts parts = parts_of(messages);
  switch (chat) {
    case ChatTemplate::Llama3:
      return render_llama(parts, /*has_dates=*/false);
    case ChatTemplate::Llama31:
      return render_llama(parts, /*has_dates=*/true);
    case ChatTemplate::Qwen:
      return render_qwen(parts, {.default_system = "", .leaves_out_thoughts = true});
    case ChatTemplate::Qwen25:
      return render_qwen(parts, {.default_system = qwen25_system});
    case ChatTemplate::Mistral:
      return render_mistral(parts);
  }
  invariant(false, "chat template {} has no text", static_cast<int>(chat));
  return {};
}

std::vector<std::string> chat_template_names() {
  std::vector<std::string> all;
  for (const auto& [name, chat] : names) all.emplace_back(name);
  return all;
}

std::string name_of(ChatTemplate chat) {
  for (const auto& [name, known] : names) {
    if (known == chat) return std::string(name);
  }
  invariant(false, "chat template {} has no name", static_cast<int>(chat));
  return {};
}

std::optional<ChatTemplate> chat_template_named(std::string_view name) {
  for (const auto& [known, chat] : names) {
    if (known == name) return chat;
  }
  return std::nullopt;
}

}  // namespace hylo::tasks
