#include "tasks/perplexity/last_word.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tasks/catalog.h"
#include "tasks/core/aggregate.h"
#include "tests/support/test_data.h"

namespace hylo::tasks {
namespace {

using testing::HasSubstr;

const Document openai{0, {{"context", "The cat sat on the"}, {"continuation", "mat"}}};
const Document standard{0, {{"text", "the cat sat on  the mat"}}};

ScoreText asked(std::string_view task, const Document& document,
                const std::vector<const Document*>& shots = {}) {
  return std::get<ScoreText>(make_task(task)->requests(document, shots).at(0));
}

std::vector<Response> answered(double log_likelihood, bool is_greedy) {
  TextScore score;
  score.log_likelihood = log_likelihood;
  score.is_greedy = is_greedy;
  return {score};
}

TEST(LastWord, BringsItsOwnBlank) {
  EXPECT_EQ(asked("lambada_openai", openai).context, "The cat sat on the");
  EXPECT_EQ(asked("lambada_openai", openai).continuation, " mat");
}

TEST(LastWord, TheOriginalTextIsCutAtItsLastBlank) {
  EXPECT_EQ(asked("lambada_standard", standard).context, "the cat sat on  the");
  EXPECT_EQ(asked("lambada_standard", standard).continuation, " mat");
}

TEST(LastWord, ExamplesHaveTwoBlanksAsInLmEval) {
  EXPECT_EQ(asked("lambada_openai", openai, {&openai}).context,
            "The cat sat on the  mat\n\nThe cat sat on the");
}

TEST(LastWord, PerplexityIsTheExponentialOfTheMeanAndAccOfGreedyWords) {
  const auto task = make_task("lambada_openai");
  const std::vector<Score> scores{task->score(openai, answered(-1, true)),
                                  task->score(openai, answered(-3, false))};
  const auto aggregates = aggregate(task->info(), scores);
  EXPECT_EQ(aggregates[0].metric, "acc");
  EXPECT_EQ(aggregates[0].value, 0.5);
  EXPECT_EQ(aggregates[1].metric, "perplexity");
  EXPECT_DOUBLE_EQ(aggregates[1].value.value(), std::exp(2.0));
}

TEST(LastWord, WhatFailedOrIsNotANumberHasNoValue) {
  const auto task = make_task("lambada_openai");
  EXPECT_EQ(task->score(openai, answered(NAN, true))[0].value, std::nullopt);
  const std::vector<Response> failed{Failed{"too long"}};
  EXPECT_EQ(task->score(openai, failed)[1].value, std::nullopt);
}

TEST(LastWord, AnEmptyWordIsAnErrorThatNamesTheDocument) {
  const Document document{7, {{"context", "The"}, {"continuation", " "}}};
  EXPECT_THAT(tests::error_of([&] { asked("lambada_openai", document); }),
              testing::AllOf(HasSubstr("document 7"), HasSubstr("is empty")));
}

}  // namespace
}  // namespace hylo::tasks
