#include "tasks/signals/teacher_agreement.h"

#include <gmock/gmock.h>

#include <stdexcept>

#include "tasks/catalog.h"
#include "tasks/core/aggregate.h"

namespace hylo::tasks {
namespace {

const TextAgreement ten_tokens{.num_tokens = 10,
                               .kl_nats = 2,
                               .num_same_top = 9,
                               .teacher_log_likelihood = -20,
                               .student_log_likelihood = -30,
                               .layer_cosines = {10, 5},
                               .token_ids = {}};

Score scored(const Task& task, const Response& response) { return task.score({}, {&response, 1}); }

TEST(TeacherAgreement, IsPerToken) {
  const TeacherAgreement task({.num_compared_layers = 2});
  auto other = ten_tokens;
  other.num_tokens = 30;
  other.kl_nats = 0;
  const std::vector<Score> scores{scored(task, ten_tokens), scored(task, other)};
  const auto numbers = aggregate(task.info(), scores);
  ASSERT_EQ(numbers.size(), 6);
  const std::vector<std::pair<std::string, double>> expected{{"kl", 2.0 / 40},
                                                             {"same_top", 18.0 / 40},
                                                             {"student_loss", 60.0 / 40},
                                                             {"teacher_loss", 40.0 / 40},
                                                             {"cosine_layer_0", 20.0 / 40},
                                                             {"cosine_layer_1", 10.0 / 40}};
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(numbers[i].metric, expected[i].first);
    EXPECT_DOUBLE_EQ(*numbers[i].value, expected[i].second);
    EXPECT_TRUE(numbers[i].standard_error.has_value());
  }
}

TEST(TeacherAgreement, WithoutComparableLayersHasNoCosines) {
  auto answer = ten_tokens;
  answer.layer_cosines.clear();
  EXPECT_EQ(scored(TeacherAgreement({}), answer).size(), 4);
  EXPECT_THROW(scored(TeacherAgreement({}), ten_tokens), std::logic_error);
}

TEST(TeacherAgreement, AFailedTextHasNoValue) {
  for (const auto& metric : scored(TeacherAgreement({}), Failed{"no"})) {
    EXPECT_EQ(metric.value, std::nullopt);
  }
}

TEST(TeacherAgreement, IsMadeByNameForSoManyLayers) {
  EXPECT_EQ(make_task("teacher_agreement")->info().metrics.size(), 4);
  const auto task = make_task("teacher_agreement", {.num_compared_layers = 28});
  EXPECT_EQ(task->info().metrics.back().name, "cosine_layer_27");
  EXPECT_TRUE(task->info().needs_teacher);
}

TEST(TeacherAgreement, AsksForTheStory) {
  const Document story{0, {{"title", "A"}, {"story", "Tom ran."}}};
  const auto requests = TeacherAgreement({}).requests(story, {});
  EXPECT_EQ(std::get<AgreeOnText>(requests.front()).text, "Tom ran.");
  EXPECT_EQ(std::get<AgreeOnText>(requests.front()).window_tokens, 2048);
}

}  // namespace
}  // namespace hylo::tasks
