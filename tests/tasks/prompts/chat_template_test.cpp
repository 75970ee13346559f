#include "tasks/prompts/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/json.h"
#include "tests/support/test_data.h"

namespace hylo::tasks {
namespace {

using testing::HasSubstr;
using tests::error_of;
using tests::fixture;

const std::vector<Message> question{{Role::User, "1+1? "}};
const std::vector<Message> talk{{Role::System, "Be brief."},
                                {Role::User, "1+1?"},
                                {Role::Assistant, "2"},
                                {Role::User, "2+2?"}};

Role role_named(const std::string& name) {
  if (name == "system") return Role::System;
  EXPECT_TRUE(name == "user" || name == "assistant") << name;
  return name == "user" ? Role::User : Role::Assistant;
}

std::vector<Message> messages_of(const Json& conversation) {
  std::vector<Message> messages;
  for (const auto& message : conversation) {
    messages.push_back({role_named(message.at("role").get<std::string>()), message.at("content")});
  }
  return messages;
}

TEST(ChatTemplate, EveryConversationIsTheTextThatTransformersMakesOfIt) {
  const auto rendered = read_json_file(fixture("chats/rendered.json"));
  const auto& conversations = rendered.at("conversations");
  ASSERT_EQ(rendered.at("templates").size(), chat_template_names().size());
  for (const auto& [name, published] : rendered.at("templates").items()) {
    const auto chat = chat_template_named(name);
    ASSERT_TRUE(chat.has_value()) << name;
    ASSERT_EQ(published.at("texts").size(), conversations.size());
    for (size_t i = 0; i < conversations.size(); ++i) {
      EXPECT_EQ(render_chat(*chat, messages_of(conversations[i])),
                published.at("texts")[i].get<std::string>())
          << name << ", conversation " << i;
    }
  }
}

// Written out by hand from the published templates.

TEST(ChatTemplate, Llama3TrimsEachMessage) {
  EXPECT_EQ(render_chat(ChatTemplate::Llama3, question),
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n1+1?<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n");
  EXPECT_EQ(render_chat(ChatTemplate::Llama3, talk),
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\n1+1?<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n2<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\n2+2?<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n");
}

TEST(ChatTemplate, Llama31AlwaysBeginsWithItsDates) {
  const std::string dates =
      "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n"
      "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n";
  EXPECT_EQ(render_chat(ChatTemplate::Llama31, question),
            dates +
                "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n1+1?<|eot_id|>"
                "<|start_header_id|>assistant<|end_header_id|>\n\n");
  EXPECT_THAT(render_chat(ChatTemplate::Llama31, talk), HasSubstr(dates + "Be brief.<|eot_id|>"));
}

TEST(ChatTemplate, QwenKeepsWhiteSpaceAndHasNoMarkInFront) {
  EXPECT_EQ(render_chat(ChatTemplate::Qwen, question),
            "<|im_start|>user\n1+1? <|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(render_chat(ChatTemplate::Qwen, talk),
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n1+1?<|im_end|>\n"
            "<|im_start|>assistant\n2<|im_end|>\n<|im_start|>user\n2+2?<|im_end|>\n"
            "<|im_start|>assistant\n");
}

TEST(ChatTemplate, Qwen25HasASystemMessageOfItsOwnUnlessOneIsGiven) {
  EXPECT_EQ(render_chat(ChatTemplate::Qwen25, question),
            "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful "
            "assistant.<|im_end|>\n<|im_start|>user\n1+1? <|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(render_chat(ChatTemplate::Qwen25, talk), render_chat(ChatTemplate::Qwen, talk));
}

TEST(ChatTemplate, MistralPutsTheSystemMessageBeforeTheLastQuestion) {
  EXPECT_EQ(render_chat(ChatTemplate::Mistral, question), "<s>[INST] 1+1? [/INST]");
  EXPECT_EQ(render_chat(ChatTemplate::Mistral, talk),
            "<s>[INST] 1+1?[/INST] 2</s>[INST] Be brief.\n\n2+2?[/INST]");
}

TEST(ChatTemplate, MessagesTakeTurnsAndEndWithTheUser) {
  const auto error = [](std::vector<Message> messages) {
    return error_of([&] { render_chat(ChatTemplate::Qwen, messages); });
  };
  EXPECT_THAT(error({}), HasSubstr("found 0 messages"));
  EXPECT_THAT(error({{Role::System, "a"}}), HasSubstr("end with one of the user"));
  EXPECT_THAT(error({{Role::Assistant, "a"}}), HasSubstr("message 0: expected user"));
  EXPECT_THAT(error({{Role::User, "a"}, {Role::User, "b"}, {Role::User, "c"}}),
              HasSubstr("message 1: expected assistant, found user"));
}

TEST(ChatTemplate, EveryNameLeadsToItsTemplate) {
  for (const auto& name : chat_template_names()) {
    ASSERT_TRUE(chat_template_named(name).has_value()) << name;
    EXPECT_EQ(name_of(*chat_template_named(name)), name);
  }
  EXPECT_FALSE(chat_template_named("gpt").has_value());
}

}  // namespace
}  // namespace hylo::tasks
