#include "tasks/gsm8k/gsm8k.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "harness/base/hash.h"
#include "tasks/catalog.h"
#include "tasks/prompts/assembly.h"

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

Score score_by(const char* task, const Document& document, const char* text) {
  GeneratedText generated;
  generated.text = text;
  const std::vector<Response> responses{generated};
  return make_task(task)->score(document, responses);
}

Score score_of(const char* text) { return score_by("gsm8k", document, text); }

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

TaskData only_this_document(const Task& task) {
  return {.documents = {document}, .separate_pool = task.fixed_shots()};
}

// The hash is of the text that lm-eval's gsm8k-cot.yaml stands for, eight examples as
// "Q: ...\nA: ...\n\n", and the question below. It was not made from the prompts that hylo ships.
TEST(Gsm8kCot, AsksAfterTheEightPublishedExamples) {
  const auto task = make_task("gsm8k_cot");
  const auto data = only_this_document(*task);
  const auto prompted = prompted_documents(*task, data);
  const auto& request = std::get<GenerateText>(prompted.at(0).requests.at(0));
  EXPECT_THAT(request.prompt, testing::StartsWith("Q: There are 15 trees in the grove."));
  EXPECT_THAT(request.prompt, testing::EndsWith("The answer is 8.\n\nQ: 2 + 3?\nA:"));
  EXPECT_EQ(request.prompt.size(), 2153);
  EXPECT_EQ(sha256_hex(request.prompt),
            "8360dec210c8221910a221478574b23237b6a74e7560f9278fee3955c3429c58");
  EXPECT_THAT(request.stop, testing::ElementsAre("Q:", "</s>", "<|im_end|>"));
  EXPECT_EQ(request.max_new_tokens, 256);
}

TEST(Gsm8kCot, WithoutExamplesItSaysLetsThinkStepByStep) {
  const auto requests = make_task("gsm8k_cot_zeroshot")->requests(document, {});
  EXPECT_EQ(std::get<GenerateText>(requests.at(0)).prompt,
            "Q: 2 + 3?\nA: Let's think step by step.");
}

struct CotCase {
  const char* response;
  const char* strict;
  const char* flexible;
  const char* answer;  ///< the number of the reference solution
  double strict_value, flexible_value;
};

// The final dot of "The answer is (\-?[0-9\.\,]+)." is not escaped and eats one character.
constexpr std::array cot_cases{
    CotCase{"The answer is 18.", "18", "18.", "18", 1, 1},
    CotCase{"The answer is 18. Next", "18.", "18.", "18", 1, 1},
    CotCase{"The answer is 18", "1", "18", "18", 0, 1},
    CotCase{"The answer is 18", "1", "18", "1", 1, 0},
    CotCase{"The answer is 5", "[invalid]", "5", "5", 0, 1},
    CotCase{"The answer is $18.", "[invalid]", "$18.", "18", 0, 1},
    CotCase{"The answer is 1,234 apples", "1,234", "1,234", "1234", 1, 1},
    CotCase{"The answer is -7. The answer is 3.", "-7.", "3.", "-7", 1, 0},
    CotCase{"so 18 eggs...", "[invalid]", "...", "18", 0, 0},
    CotCase{"is 3/4", "[invalid]", "4", "4", 0, 1},
    CotCase{"The answer is 12.0 now", "12.0", "12.0", "12", 0, 0},
};

TEST(Gsm8kCot, FindsAndJudgesAnswersByBothFilters) {
  for (const auto& c : cot_cases) {
    const Document solved{0, {{"question", "?"}, {"answer", fmt::format("b\n#### {}", c.answer)}}};
    const auto score = score_by("gsm8k_cot", solved, c.response);
    ASSERT_EQ(score.size(), 2) << c.response;
    EXPECT_EQ(score[0].filter, "strict-match");
    EXPECT_EQ(score[0].extracted, c.strict) << c.response;
    EXPECT_EQ(score[0].value, c.strict_value) << c.response;
    EXPECT_EQ(score[1].filter, "flexible-extract");
    EXPECT_EQ(score[1].extracted, c.flexible) << c.response;
    EXPECT_EQ(score[1].value, c.flexible_value) << c.response;
  }
}

}  // namespace
}  // namespace hylo::tasks
