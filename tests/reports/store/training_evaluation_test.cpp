// Evaluations on the way of a training, as its log keeps them.
#include <SQLiteCpp/Database.h>
#include <gmock/gmock.h>

#include <utility>
#include <vector>

#include "reports/store/check.h"
#include "reports/store/training_history.h"
#include "tests/reports/store/sample_run.h"
#include "tests/reports/store/sample_training.h"
#include "tests/support/test_data.h"

namespace hylo::reports {
namespace {

using hylo::tests::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using tests::sample_host;
using tests::sample_training;

TEST(TrainingLog, AnEvaluationIsARunOfTheStoreAndForgottenWithWhatLiesBehindAPlace) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  const auto first = tests::complete_run(store, 3, tests::sample_description("a", "night/step-2"));
  const auto second = tests::complete_run(store, 3, tests::sample_description("b", "night/step-5"));
  const auto places_and_runs = [&] {
    std::vector<std::pair<TrainingPlace, int64_t>> rows;
    for (const auto& row : training_evaluations(store, 1)) rows.emplace_back(row.place, row.run);
    return rows;
  };
  {
    auto log = TrainingLog::begin(store, sample_training(), sample_host());
    log.add_evaluation({{0, 2}, second});
    log.add_evaluation({{0, 2}, first});  // In the place of the one before.
    log.add_evaluation({{1, 1}, second});
  }
  EXPECT_THAT(places_and_runs(), ElementsAre(std::pair{TrainingPlace{0, 2}, first},
                                             std::pair{TrainingPlace{1, 1}, second}));
  auto log = TrainingLog::resume(store, sample_training(), sample_host(), {0, 2});
  EXPECT_THAT(places_and_runs(), ElementsAre(std::pair{TrainingPlace{0, 2}, first}));
  EXPECT_EQ(store.find_run("night/step-5").id, second);
  EXPECT_EQ(store.database()
                .execAndGet("SELECT count(*) FROM training_evaluations WHERE training = 1")
                .getInt(),
            2);  // acc and acc_norm of one task.
  EXPECT_THAT(check(store), IsEmpty());
}

}  // namespace
}  // namespace hylo::reports
