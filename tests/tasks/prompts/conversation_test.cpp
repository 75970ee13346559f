#include "tasks/prompts/conversation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/test_data.h"

namespace hylo::tasks {
namespace {

using testing::HasSubstr;
using tests::error_of;

const Conversation two_questions{
    .description = "About sums.\n\n", .examples = {{"1+1?", "2"}}, .question = "2+2?"};

TEST(Conversation, PlainTextIsDescriptionExamplesAndQuestion) {
  EXPECT_EQ(render(two_questions, {}), "About sums.\n\n1+1? 2\n\n2+2?");
}

TEST(Conversation, AnInstructionStandsInFrontOfTheDescription) {
  EXPECT_EQ(render(two_questions, {.system_instruction = "Think."}),
            "Think.\n\nAbout sums.\n\n1+1? 2\n\n2+2?");
  EXPECT_EQ(render(two_questions, {.system_instruction = "Think.\n"}),
            "Think.\nAbout sums.\n\n1+1? 2\n\n2+2?");
  // Nothing is put between an instruction and a question.
  EXPECT_EQ(render({.description = {}, .examples = {}, .question = "2+2?"},
                   {.system_instruction = "Think."}),
            "Think.2+2?");
}

TEST(Conversation, InAChatTheDescriptionIsTheSystemMessageAndTheRestOneOfTheUser) {
  EXPECT_EQ(render(two_questions, {.chat = ChatTemplate::Qwen}),
            "<|im_start|>system\nAbout sums.\n\n<|im_end|>\n"
            "<|im_start|>user\n1+1? 2\n\n2+2?<|im_end|>\n<|im_start|>assistant\n");
}

TEST(Conversation, ExamplesMayBeTurns) {
  EXPECT_EQ(render(two_questions, {.chat = ChatTemplate::Qwen, .fewshot_as_multiturn = true}),
            "<|im_start|>system\nAbout sums.\n\n<|im_end|>\n<|im_start|>user\n1+1?<|im_end|>\n"
            "<|im_start|>assistant\n2<|im_end|>\n<|im_start|>user\n2+2?<|im_end|>\n"
            "<|im_start|>assistant\n");
  EXPECT_THAT(error_of([] { render(two_questions, {.fewshot_as_multiturn = true}); }),
              HasSubstr("--chat-template"));
}

TEST(Conversation, InAChatAChoiceFollowsWithoutABlank) {
  EXPECT_EQ(choice_delimiter({}), " ");
  EXPECT_EQ(choice_delimiter({.system_instruction = "Think."}), " ");
  EXPECT_EQ(choice_delimiter({.chat = ChatTemplate::Llama3}), "");
}

}  // namespace
}  // namespace hylo::tasks
