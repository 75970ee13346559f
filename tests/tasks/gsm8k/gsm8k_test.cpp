#include "tasks/gsm8k/gsm8k.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tasks/catalog.h"

namespace hylo::tasks {
namespace {

const Document document{0, {{"question", "2 + 3?"}, {"answer", "<<2+3=5>>5\n#### 5"}}};

TEST(Gsm8k, AsksWithWholeSolutionsAsExamples) {
  const std::vector<const Document*> shots{&document};
  const auto requests = make_task("gsm8k")->requests(document, shots);
  const auto& request = std::get<GenerateText>(requests.at(0));
  EXPECT_EQ(request.prompt,
            "Question: 2 + 3?\nAnswer: <<2+3=5>>5\n#### 5\n\nQuestion: 2 + 3?\nAnswer:");
  EXPECT_THAT(request.stop, testing::ElementsAre("Question:", "</s>", "<|im_end|>"));
  EXPECT_EQ(request.max_new_tokens, 256);
  EXPECT_EQ(request.sampling, Sampling{});
}

Score score_of(const char* text) {
  GeneratedText generated;
  generated.text = text;
  const std::vector<Response> responses{generated};
  return make_task("gsm8k")->score(document, responses);
}

TEST(Gsm8k, EachFilterHasItsOwnVerdict) {
  const auto score = score_of(" It is 5.");
  EXPECT_EQ(score[0].filter, "strict-match");
  EXPECT_EQ(score[0].value, 0.0);
  EXPECT_EQ(score[0].extracted, "[invalid]");
  EXPECT_EQ(score[1].filter, "flexible-extract");
  EXPECT_EQ(score[1].value, 1.0);
  EXPECT_EQ(score[1].extracted, "5.");
}

TEST(Gsm8k, TwentyFiveDoesNotEqualFive) { EXPECT_EQ(score_of("#### 25")[0].value, 0.0); }

TEST(Gsm8k, AnEmptyAnswerIsWrongAndAFailedOneIsNot) {
  EXPECT_EQ(score_of("")[0].value, 0.0);
  const std::vector<Response> failed{Failed{"no memory"}};
  EXPECT_EQ(make_task("gsm8k")->score(document, failed)[0].value, std::nullopt);
}

}  // namespace
}  // namespace hylo::tasks
