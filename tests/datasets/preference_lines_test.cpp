// Pairs of preferences as public sets have them.
#include <gmock/gmock.h>

#include "datasets/training_text.h"
#include "harness/base/files.h"
#include "tests/support/test_data.h"

namespace hylo::datasets {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::error_of;
using tests::TemporaryFolder;

class PreferenceFiles : public ::testing::Test {
 protected:
  TrainingText read(const std::string& lines, PreferenceLines source = {}) {
    write_text_file(folder_ / "pairs.jsonl", lines);
    source.files = {folder_ / "pairs.jsonl"};
    return read_training_text(source);
  }
  std::string error(const std::string& lines) {
    return error_of([&] { (void)read(lines); });
  }
  TemporaryFolder folder_;
};

TEST_F(PreferenceFiles, TextsFollowTheirPromptAsTheyAre) {
  const auto text =
      read(R"({"question": "2+2=", "chosen": "4", "rejected": "22"})", {.prompt = "question"});
  ASSERT_EQ(text.documents.size(), 1U);
  EXPECT_THAT(text.documents[0].spans, ElementsAre(TextSpan{"2+2=", false}, TextSpan{"4", true}));
  EXPECT_THAT(text.documents[0].rejected,
              ElementsAre(TextSpan{"2+2=", false}, TextSpan{"22", true}));
  EXPECT_EQ(text.report.text_bytes, 11);
}

/// As ultrafeedback_binarized has them: each completion is the conversation from its beginning.
TEST_F(PreferenceFiles, WholeConversationsNeedNoPromptAndTrainTheLastMessage) {
  const auto text = read(
      R"({"prompt": "Hi", "chosen": [{"role": "user", "content": "Hi"},)"
      R"( {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Who?"},)"
      R"( {"role": "assistant", "content": "Me"}], "rejected": [{"role": "user", "content": "Hi"},)"
      R"( {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Who?"},)"
      R"( {"role": "assistant", "content": "No"}]})");
  const auto& pair = text.documents.at(0);
  EXPECT_EQ(pair.spans.back(), (TextSpan{"Me\n", true}));
  EXPECT_EQ(pair.rejected.back(), (TextSpan{"No\n", true}));
  const auto is_trained = [](const TextSpan& span) { return span.is_trained; };
  EXPECT_EQ(std::ranges::count_if(pair.spans, is_trained), 1);
}

TEST_F(PreferenceFiles, AnswersAloneFollowThePromptWhetherItIsATextOrAConversation) {
  const auto* answers = R"("chosen": [{"role": "assistant", "content": "Me"}],)"
                        R"( "rejected": [{"role": "assistant", "content": "No"}]})";
  const auto of_text = read(std::string(R"({"prompt": "Who?", )") + answers);
  const auto of_list =
      read(std::string(R"({"prompt": [{"role": "user", "content": "Who?"}], )") + answers);
  EXPECT_EQ(of_text.documents.at(0).spans, of_list.documents.at(0).spans);
  EXPECT_THAT(of_text.documents.at(0).spans,
              ElementsAre(TextSpan{"user: ", false}, TextSpan{"Who?\n", false},
                          TextSpan{"assistant: ", false}, TextSpan{"Me\n", true}));
}

TEST_F(PreferenceFiles, WhatIsNoPairIsRefusedWithFileAndLine) {
  EXPECT_THAT(error(R"({"prompt": "a", "chosen": "b"})"),
              HasSubstr("pairs.jsonl:1: expected the field 'rejected', found 'chosen', 'prompt'"));
  EXPECT_THAT(error(R"({"prompt": "a", "chosen": "b", "rejected": ""})"),
              HasSubstr("field 'rejected': expected a completion, found an empty one"));
  EXPECT_THAT(error(R"({"chosen": [{"role": "user", "content": "a"}], "rejected": []})"),
              HasSubstr("expected that the last message is the assistant's, found one of 'user'"));
  EXPECT_THAT(
      error(R"({"chosen": [{"role": "user", "content": "a"}, {"role": "assistant", )"
            R"("content": "b"}], "rejected": [{"role": "user", "content": "c"}, )"
            R"({"role": "assistant", "content": "d"}]})"),
      HasSubstr("expected completions of one prompt, found that 'chosen' and 'rejected' have"));
}

}  // namespace
}  // namespace hylo::datasets
