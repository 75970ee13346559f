// A student that is asked while it is in memory.
#include "harness/training/student_evaluation.h"

#include <gmock/gmock.h>

#include "models/weights/checkpoint.h"
#include "reports/store/store.h"
#include "tests/support/test_data.h"

namespace hylo::harness {
namespace {

using hylo::tests::error_of;
using hylo::tests::fixture;
using hylo::tests::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// 4 steps, then 6 at twice the positions.
models::Recipe recipe_of(int64_t every) {
  models::Recipe recipe;
  recipe.stages = {{.name = "first", .objective = models::NextToken{}, .steps = 4},
                   {.name = "last",
                    .objective = models::NextToken{},
                    .steps = 6,
                    .yarn = models::Stretch{.factor = 2, .original_length = 512}}};
  recipe.evaluation = models::Evaluation{.tasks = {"story_openings"}, .every = every, .limit = 3};
  return recipe;
}

class StudentEvaluationTest : public testing::Test {
 protected:
  StudentEvaluation evaluation(const models::Recipe& recipe) const {
    return {recipe, {checkpoint_.config, tokenizer_, folder_.path(), {}}};
  }
  TemporaryFolder folder_;
  models::Checkpoint checkpoint_ =
      models::open_checkpoint(fixture("stories260k"), {.type = models::NumberType::Float32});
  std::shared_ptr<const models::Tokenizer> tokenizer_ =
      models::load_tokenizer(fixture("stories260k"));
};

TEST_F(StudentEvaluationTest, IsDueEverySoManyStepsOfAllStagesAndAtTheEnd) {
  const auto due = [&](int64_t every) {
    const auto asked = evaluation(recipe_of(every));
    std::vector<int64_t> steps;
    for (const auto& [stage, num_steps] : {std::pair{0, 4}, {1, 6}}) {
      for (int64_t step = stage; step <= num_steps; ++step) {
        if (asked.is_due({stage, step})) steps.push_back(asked.total_step({stage, step}));
      }
    }
    return steps;
  };
  EXPECT_THAT(due(5), testing::ElementsAre(5, 10));
  EXPECT_THAT(due(4), testing::ElementsAre(4, 8, 10));
  EXPECT_THAT(due(0), testing::ElementsAre(10));
}

TEST_F(StudentEvaluationTest, TheSameWeightsAreAskedOnceAndOthersHaveARunOfTheirOwn) {
  auto asked = evaluation(recipe_of(5));
  auto store = reports::Store::open(folder_ / "s.db");
  models::TrainedModel student(checkpoint_.config, checkpoint_.weights, {});
  const auto ask = [&] {
    return asked.evaluate(student, {1, 1}, store, {.training = "night", .argv = {}}, {});
  };
  const auto first = ask();
  EXPECT_FALSE(first.was_complete);
  ASSERT_EQ(first.tasks.size(), 1U);
  EXPECT_EQ(first.tasks[0].row.metric.name, "acc");
  EXPECT_EQ(first.tasks[0].row.aggregate.n, 3);
  EXPECT_EQ(store.find_run("night/step-5").id, first.run);
  EXPECT_TRUE(ask().was_complete);
  EXPECT_EQ(ask().run, first.run);
  for (const auto& tensor : student.tensors()) tensor.value.detach().mul_(0.5);
  const auto other = ask();
  EXPECT_FALSE(other.was_complete);
  EXPECT_EQ(store.find_run("night/step-5.2").id, other.run);
}

TEST_F(StudentEvaluationTest, AContextCountsOnlyInStagesInWhichTheStudentIsAsked) {
  checkpoint_.config.max_positions = 16;
  EXPECT_THAT(error_of([&] { evaluation(recipe_of(2)); }),
              AllOf(HasSubstr("evaluation: "), HasSubstr("story_openings"),
                    HasSubstr("16 positions"), HasSubstr("stage 'first'")));
  // At the end alone: in the stage that stretches them to 1,024.
  EXPECT_NO_THROW(evaluation(recipe_of(0)));
}

}  // namespace
}  // namespace hylo::harness
