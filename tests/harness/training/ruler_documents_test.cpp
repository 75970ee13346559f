// Samples of RULER as documents to train on.
#include "harness/training/ruler_documents.h"

#include <gmock/gmock.h>

#include "models/tokenizer/tokenizer.h"
#include "tests/support/test_data.h"

namespace hylo::harness {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using tests::error_of;
using tests::fixture;

std::unique_ptr<models::Tokenizer> tokenizer() {
  return models::load_tokenizer(fixture("stories260k"));
}

models::RulerData needles() {
  return {.tasks = {"niah_single_1", "niah_multivalue"},
          .prompt_tokens = {700, 900},
          .num_documents = 5,
          .only_answers = true};
}

TEST(RulerDocuments, ArePromptsThatAreReadAndAnswersThatAreLearnt) {
  const auto documents = ruler_documents(needles(), *tokenizer(), 3);
  ASSERT_EQ(documents.size(), 2 * 2 * 5);
  for (const auto& document : documents) {
    ASSERT_EQ(document.spans.size(), 2);
    const auto& [prompt, answer] = std::pair(document.spans[0], document.spans[1]);
    EXPECT_FALSE(prompt.is_trained);
    EXPECT_TRUE(answer.is_trained);
    EXPECT_THAT(answer.text, AllOf(StartsWith(" "), EndsWith(".")));
    const auto value = answer.text.substr(1, 7);
    EXPECT_THAT(prompt.text, HasSubstr("is: " + value));
  }
}

// Of 5 documents each, the tasks and lengths take turns.
TEST(RulerDocuments, OfTasksAndLengthsTakeTurns) {
  const auto documents = ruler_documents(needles(), *tokenizer(), 3);
  for (size_t i = 0; i < documents.size(); ++i) {
    EXPECT_EQ(documents[i].origin, i % 4 < 2 ? "niah_single_1" : "niah_multivalue");
  }
  EXPECT_LT(documents[0].spans[0].text.size(), documents[1].spans[0].text.size());
}

TEST(RulerDocuments, LearnThePromptTooUnlessAnswersAreEnough) {
  auto data = needles();
  data.only_answers = false;
  for (const auto& document : ruler_documents(data, *tokenizer(), 3)) {
    EXPECT_TRUE(document.spans[0].is_trained);
  }
}

TEST(RulerDocuments, PromptsHaveAtMostTheLengthThatIsAskedFor) {
  const auto reader = tokenizer();
  const auto documents = ruler_documents(needles(), *reader, 3);
  for (size_t i = 0; i < documents.size(); ++i) {
    const auto length = std::ssize(reader->encode(documents[i].spans[0].text, false));
    EXPECT_LT(length, i % 2 == 0 ? 700 : 900);
    EXPECT_GT(length, i % 2 == 0 ? 600 : 800);
  }
}

TEST(RulerDocuments, OfAnotherSeedAreOthers) {
  const auto read = tokenizer();
  EXPECT_EQ(ruler_documents(needles(), *read, 3)[0].spans,
            ruler_documents(needles(), *read, 3)[0].spans);
  EXPECT_NE(ruler_documents(needles(), *read, 3)[0].spans,
            ruler_documents(needles(), *read, 4)[0].spans);
}

TEST(RulerDocuments, ATaskOrALengthThatCannotBeIsNamed) {
  auto data = needles();
  data.tasks = {"niah_singel_1"};
  EXPECT_THAT(error_of([&] { ruler_documents(data, *tokenizer(), 3); }),
              HasSubstr("niah_single_1"));
  data = needles();
  data.prompt_tokens = {40};
  EXPECT_THAT(error_of([&] { ruler_documents(data, *tokenizer(), 3); }), HasSubstr("too small"));
}

}  // namespace
}  // namespace hylo::harness
