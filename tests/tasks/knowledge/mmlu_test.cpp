#include "tasks/knowledge/mmlu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tasks/catalog.h"
#include "tasks/groups.h"
#include "tests/support/test_data.h"

namespace hylo::tasks {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Document question(const char* text, const char* answer) {
  return {0,
          {{"question", text},
           {"choice0", "one"},
           {"choice1", " two"},
           {"choice2", "3"},
           {"choice3", "four"},
           {"answer", answer}}};
}

std::vector<ScoreText> asked(std::string_view task, const Document& document,
                             const std::vector<const Document*>& shots = {}) {
  std::vector<ScoreText> requests;
  for (const auto& request : make_task(task)->requests(document, shots)) {
    requests.push_back(std::get<ScoreText>(request));
  }
  return requests;
}

TEST(Mmlu, TheSubjectOpensThePromptAndLettersAreScored) {
  const auto requests = asked("mmlu_high_school_us_history", question(" 1+1?\n", "1"));
  ASSERT_EQ(requests.size(), 4U);
  EXPECT_EQ(requests[0].context,
            "The following are multiple choice questions (with answers) about high school us "
            "history.\n\n1+1?\nA. one\nB.  two\nC. 3\nD. four\nAnswer:");
  EXPECT_EQ(requests[0].continuation, " A");
  EXPECT_EQ(requests[3].continuation, " D");
}

TEST(Mmlu, TheDescriptionStandsOnceBeforeTheExamples) {
  const auto shot = question("2+2?", "3");
  EXPECT_EQ(asked("mmlu_anatomy", question("1+1?", "1"), {&shot})[0].context,
            "The following are multiple choice questions (with answers) about anatomy.\n\n"
            "2+2?\nA. one\nB.  two\nC. 3\nD. four\nAnswer: D\n\n"
            "1+1?\nA. one\nB.  two\nC. 3\nD. four\nAnswer:");
}

TEST(Mmlu, InAChatTheDescriptionIsTheSystemMessageAndLettersFollowWithoutABlank) {
  const auto task = make_task("mmlu_anatomy");
  const auto requests = task->requests_in({.chat = ChatTemplate::Qwen}, question("1+1?", "1"), {});
  const auto& request = std::get<ScoreText>(requests.at(1));
  EXPECT_EQ(request.context,
            "<|im_start|>system\nThe following are multiple choice questions (with answers) about "
            "anatomy.\n\n<|im_end|>\n<|im_start|>user\n1+1?\nA. one\nB.  two\nC. 3\nD. "
            "four\nAnswer:<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(request.continuation, "B");
}

TEST(Mmlu, TheContinuationFormScoresTheTexts) {
  const auto requests = asked("mmlu_anatomy_continuation", question(" 1+1? ", "1"));
  EXPECT_EQ(requests[1].context,
            "The following are questions (with answers) about anatomy.\n\nQuestion: 1+1?\nAnswer:");
  EXPECT_EQ(requests[1].continuation, "  two");
  EXPECT_EQ(make_task("mmlu_anatomy_continuation")->info().metrics.size(), 3U);
}

TEST(Mmlu, AnAnswerOutsideTheChoicesIsAnError) {
  EXPECT_THAT(tests::error_of([] { asked("mmlu_anatomy", question("1+1?", "4")); }),
              HasSubstr("from 0 to 3, found '4'"));
}

TEST(Mmlu, EveryTaskOfAGroupIsInTheCatalogAndHasItsMetric) {
  for (const auto& group : all_groups()) {
    for (const auto& member : group.members) {
      if (member.metric.empty()) continue;
      ASSERT_TRUE(is_task(member.task)) << member.task;
      const auto metrics = make_task(member.task)->info().metrics;
      EXPECT_TRUE(std::ranges::any_of(metrics, [&](const MetricInfo& metric) {
        return metric.name == member.metric && metric.filter == member.filter;
      })) << member.task;
    }
  }
}

}  // namespace
}  // namespace hylo::tasks
