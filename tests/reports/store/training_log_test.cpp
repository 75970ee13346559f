#include "reports/store/training_log.h"

#include <SQLiteCpp/Database.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <cmath>
#include <limits>

#include "harness/base/files.h"
#include "reports/store/check.h"
#include "reports/store/run_lock.h"
#include "reports/store/schema.h"
#include "reports/store/training_history.h"
#include "tests/reports/store/child_process.h"
#include "tests/reports/store/sample_run.h"
#include "tests/reports/store/sample_training.h"
#include "tests/reports/store/small_disk.h"
#include "tests/support/test_data.h"

namespace hylo::reports {
namespace {

using hylo::tests::error_of;
using hylo::tests::TemporaryFolder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using tests::add_steps;
using tests::ChildProcess;
using tests::sample_host;
using tests::sample_step;
using tests::sample_training;
using tests::sample_validation;

std::vector<int64_t> steps_in(const Store& store, int64_t run, int64_t stage) {
  std::vector<int64_t> steps;
  read_training_steps(store, run, stage,
                      [&](const TrainingStep& step) { steps.push_back(step.place.step); });
  return steps;
}

std::vector<TrainingPlace> places_of_validations(const Store& store, int64_t run) {
  std::vector<TrainingPlace> places;
  for (const auto& row : training_validations(store, run)) places.push_back(row.place);
  return places;
}

TEST(TrainingLog, WhatIsWrittenIsReadBack) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  const auto id = tests::complete_training(store, "night");
  const auto run = find_training(store, "night");
  EXPECT_EQ(run.id, id);
  EXPECT_EQ(run.state(), TrainingState::Complete);
  EXPECT_EQ(run.description.recipe_name, "stories");
  EXPECT_EQ(run.description.recipe, sample_training().recipe);
  EXPECT_EQ(run.description.teacher_name, "tiny");
  EXPECT_EQ(run.description.teacher_sha256, "ab");
  EXPECT_EQ(run.description.student, sample_training().student);
  EXPECT_EQ(run.description.dtype, "float32");
  EXPECT_EQ(run.description.seed, 7U);
  EXPECT_EQ(run.description.output_folder, "/somewhere/out");
  EXPECT_THAT(run.description.argv, ElementsAre("hylo", "distill"));
  ASSERT_EQ(run.description.stages.size(), 2U);
  EXPECT_EQ(run.description.stages[1].kind, "distil_logits");
  EXPECT_EQ(run.description.stages[1].num_steps, 10);
  EXPECT_EQ(run.description.stages[1].context_length, 64);
  ASSERT_EQ(run.attempts.size(), 1U);
  EXPECT_EQ(run.attempts[0].process, ::getpid());
  EXPECT_EQ(run.attempts[0].on.machine, sample_host().machine);
  EXPECT_EQ(run.attempts[0].on.num_threads, 2);
  EXPECT_LE(run.attempts[0].started, run.attempts[0].last_saved);
}

TEST(TrainingLog, AStepIsReadBackWithWhatItLacks) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  auto log = TrainingLog::begin(store, sample_training(), sample_host());
  log.add_step(sample_step(0, 0));
  log.add_step({.place = {0, 1},
                .loss = std::nan(""),
                .divergence = std::numeric_limits<double>::infinity(),
                .margin = 1.5,
                .preference_accuracy = 0.75,
                .num_rows = 5});
  log.add_validation({.place = {0, 1},
                      .data = "pairs",
                      .num_tokens = 9,
                      .preference_loss = 0.5,
                      .margin = 2,
                      .preference_accuracy = 1});
  const std::vector<HeldOutDocument> documents{{7, 1.25}, {2, std::nan("")}};
  log.add_validation({.place = {0, 2},
                      .data = "texts",
                      .num_tokens = 9,
                      .documents_sha256 = "ab12",
                      .documents = documents});
  log.finish();
  const auto validations = training_validations(store, 1);
  EXPECT_TRUE(validations.at(0).documents.empty());
  EXPECT_EQ(validations.at(1).documents_sha256, "ab12");
  EXPECT_EQ(validations.at(1).documents.at(0), documents[0]);
  EXPECT_EQ(validations.at(1).documents.at(1).num_tokens, 2);
  EXPECT_TRUE(std::isnan(validations.at(1).documents.at(1).nats));
  for (const auto* damaged : {"[[1]]", "[[1, {}]]", "[[1.5, 2]]", "[3]", "{}", "[[1, 2"}) {
    SQLite::Database(folder / "s.db", SQLite::OPEN_READWRITE)
        .exec(std::string("UPDATE training_validation SET document_losses = '") + damaged +
              "' WHERE data = 'texts'");
    EXPECT_THAT(error_of([&] { training_validations(store, 1); }),
                testing::HasSubstr("document_losses"))
        << damaged;
  }
  EXPECT_EQ(validations.at(0).preference_loss, 0.5);
  EXPECT_EQ(validations.at(0).margin, 2);
  EXPECT_EQ(validations.at(0).preference_accuracy, 1);
  EXPECT_EQ(validations.at(0).cross_entropy, std::nullopt);
  std::vector<TrainingStep> steps;
  read_training_steps(store, 1, 0, [&](const TrainingStep& step) { steps.push_back(step); });
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[0].loss, 8);
  EXPECT_EQ(steps[0].num_labels, 99);
  EXPECT_EQ(steps[0].resident_bytes, 1 << 20);
  EXPECT_EQ(steps[0].divergence, std::nullopt);
  EXPECT_TRUE(std::isnan(*steps[1].loss));
  EXPECT_TRUE(std::isinf(*steps[1].divergence));
  EXPECT_EQ(steps[0].margin, std::nullopt);
  EXPECT_EQ(steps[1].margin, 1.5);
  EXPECT_EQ(steps[1].preference_accuracy, 0.75);
  EXPECT_EQ(steps[1].num_labels, std::nullopt);
  EXPECT_EQ(steps[1].seconds, std::nullopt);
}

TEST(TrainingLog, AResumedRunForgetsWhatLiesBehindItsPlaceAndSaysSo) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  {
    auto log = TrainingLog::begin(store, sample_training(), sample_host());
    add_steps(log, 0, 0, 4);
    log.add_validation(sample_validation(0, 2, 3));
    log.add_validation(sample_validation(0, 4, 2));
    add_steps(log, 1, 0, 3);
    log.add_validation(sample_validation(1, 0, 2));
  }
  auto log = TrainingLog::resume(store, sample_training(), sample_host(), {0, 2});
  EXPECT_EQ(log.id(), 1);
  EXPECT_TRUE(log.is_resumed());
  EXPECT_THAT(steps_in(store, 1, 0), ElementsAre(0, 1));
  EXPECT_THAT(steps_in(store, 1, 1), IsEmpty());
  EXPECT_THAT(places_of_validations(store, 1), ElementsAre(TrainingPlace{0, 2}));
  add_steps(log, 0, 2, 4);
  log.finish();
  const auto run = find_training(store, "1");
  ASSERT_EQ(run.attempts.size(), 2U);
  EXPECT_EQ(run.attempts[0].state, TrainingState::Interrupted);
  EXPECT_EQ(run.attempts[1].from, (TrainingPlace{0, 2}));
  EXPECT_EQ(run.attempts[1].num_dropped_steps, 2 + 3);
  EXPECT_THAT(steps_in(store, 1, 0), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(check(store), IsEmpty());
}

TEST(TrainingLog, AValidationAtThePlaceOfResumingMayBeMadeAgain) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  {
    auto log = TrainingLog::begin(store, sample_training(), sample_host());
    log.add_validation(sample_validation(0, 0, 3));
  }
  auto log = TrainingLog::resume(store, sample_training(), sample_host(), {0, 0});
  log.add_validation(sample_validation(0, 0, 2.5));
  const auto rows = training_validations(store, 1);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].cross_entropy, 2.5);
}

TEST(TrainingLog, AnotherFolderIsAnotherRun) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  tests::complete_training(store);
  auto elsewhere = sample_training();
  elsewhere.output_folder = "/somewhere/else";
  auto log = TrainingLog::resume(store, elsewhere, sample_host(), {1, 5});
  EXPECT_EQ(log.id(), 2);
  EXPECT_FALSE(log.is_resumed());
  EXPECT_EQ(find_training(store, "2").attempts[0].from, (TrainingPlace{1, 5}));
}

TEST(TrainingLog, ARunIsNotResumedUnderAnotherRecipe) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  tests::complete_training(store, "night");
  auto other = sample_training("night");
  other.recipe["seed"] = 8;
  EXPECT_THAT(error_of([&] {
                TrainingLog::resume(store, other, sample_host(), {0, 0});
              }),
              AllOf(HasSubstr("another recipe"), HasSubstr("/seed")));
  EXPECT_EQ(steps_in(store, 1, 1).size(), 10U);
}

TEST(TrainingLog, TheOrderOfKeysIsNoDifferenceOfRecipes) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  tests::complete_training(store, "night");
  auto same = sample_training("night");
  same.recipe = {{"seed", 7}, {"name", "stories"}};
  EXPECT_TRUE(TrainingLog::resume(store, same, sample_host(), {1, 10}).is_resumed());
}

TEST(TrainingLog, ATakenNameANumberAndLatestAreNoNames) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  tests::complete_training(store, "night");
  const auto begin = [&](const std::string& name) {
    return error_of([&] { TrainingLog::begin(store, sample_training(name), sample_host()); });
  };
  EXPECT_THAT(begin("night"), HasSubstr("belongs to training run 1"));
  EXPECT_THAT(begin("12"), HasSubstr("choose a name with a letter"));
  EXPECT_THAT(begin("latest"), HasSubstr("choose a name with a letter"));
}

TEST(TrainingLog, AFailureIsKeptAndEndsWhenTheRunGoesOn) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  {
    auto log = TrainingLog::begin(store, sample_training(), sample_host());
    log.add_step(sample_step(0, 0));
    log.fail("the loss is not finite");
  }
  EXPECT_EQ(find_training(store, "1").state(), TrainingState::Failed);
  EXPECT_EQ(find_training(store, "1").attempts[0].failure, "the loss is not finite");
  const auto log = TrainingLog::resume(store, sample_training(), sample_host(), {0, 1});
  const auto run = find_training(store, "1");
  EXPECT_EQ(run.state(), TrainingState::Running);
  EXPECT_EQ(run.attempts[0].failure, "the loss is not finite");
}

TEST(TrainingLog, AnEndedRunTakesNothingMore) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  auto log = TrainingLog::begin(store, sample_training(), sample_host());
  log.stop();
  EXPECT_EQ(find_training(store, "1").state(), TrainingState::Interrupted);
  EXPECT_THROW(log.add_step(sample_step(0, 0)), std::logic_error);
  EXPECT_THROW(log.finish(), std::logic_error);
}

TEST(TrainingLog, AStageThatTheRunDoesNotHaveIsAFaultOfOurs) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  auto log = TrainingLog::begin(store, sample_training(), sample_host());
  EXPECT_THROW(log.add_step(sample_step(2, 0)), std::logic_error);
  EXPECT_THROW(log.add_validation(sample_validation(-1, 0, 1)), std::logic_error);
}

TEST(TrainingLog, OneProcessWorksOnARunAtATime) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  const auto log = TrainingLog::begin(store, sample_training(), sample_host());
  EXPECT_THAT(error_of([&] {
                TrainingLog::resume(store, sample_training(), sample_host(), {0, 0});
              }),
              HasSubstr("has been working on training run 1"));
  EXPECT_EQ(find_training(store, "1").state(), TrainingState::Running);
}

TEST(TrainingLog, ARunOfAnEvaluationWithTheSameNumberIsNotInTheWay) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  const auto log = TrainingLog::begin(store, sample_training(), sample_host());
  EXPECT_EQ(tests::complete_run(store, 2), 1);
}

// Steps of another training process are on disk a second later, a checkpoint's at once.
TEST(TrainingLog, AKilledWriterLeavesWhatItsCheckpointHadBehindIt) {
  const TemporaryFolder folder;
  std::array<int, 2> pipe_ends{};
  ASSERT_EQ(::pipe(pipe_ends.data()), 0);
  ChildProcess child([&] {
    auto store = Store::open(folder / "s.db");
    auto log = TrainingLog::begin(store, sample_training("night"), sample_host());
    add_steps(log, 0, 0, 3);
    log.add_checkpoint({.place = {0, 3}, .folder = "checkpoint"});
    log.add_step(sample_step(0, 3));
    require(::write(pipe_ends[1], "x", 1) == 1, "no pipe");
    ::pause();
  });
  char begun = 0;
  ASSERT_EQ(::read(pipe_ends[0], &begun, 1), 1);
  EXPECT_EQ(find_training(Store::open(folder / "s.db", {.read_only = true}), "night").state(),
            TrainingState::Running);
  child.kill_and_wait();
  auto store = Store::open(folder / "s.db");
  EXPECT_EQ(find_training(store, "night").state(), TrainingState::Interrupted);
  const auto there = steps_in(store, 1, 0);
  ASSERT_GE(there.size(), 3U);
  EXPECT_THAT(std::vector(there.begin(), there.begin() + 3), ElementsAre(0, 1, 2));
  ASSERT_EQ(training_checkpoints(store, 1).size(), 1U);
  EXPECT_TRUE(training_checkpoints(store, 1)[0].folder.is_absolute());
  auto log = TrainingLog::resume(store, sample_training("night"), sample_host(), {0, 3});
  add_steps(log, 0, 3, 4);
  log.finish();
  EXPECT_EQ(find_training(store, "night").attempts[0].state, TrainingState::Interrupted);
  EXPECT_THAT(check(store), IsEmpty());
}

TEST(TrainingLog, AWriterThatIsDroppedLeavesItsLastSteps) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  {
    auto log = TrainingLog::begin(store, sample_training(), sample_host());
    add_steps(log, 0, 0, 3);
  }
  EXPECT_THAT(steps_in(store, 1, 0), ElementsAre(0, 1, 2));
  EXPECT_EQ(find_training(store, "1").state(), TrainingState::Interrupted);
}

TEST(TrainingLog, OnAFullDiskNothingIsLostThatFitsLater) {
  const TemporaryFolder folder;
  tests::SmallDisk disk(800'000);
  auto store = Store::open(folder / "s.db");
  auto run = sample_training();
  run.stages[1].num_steps = 20'000;
  auto log = TrainingLog::begin(store, run, sample_host());
  add_steps(log, 1, 0, 20'000);
  EXPECT_THAT(error_of([&] {
                log.add_checkpoint({.place = {1, 20'000}, .folder = "checkpoint"});
              }),
              HasSubstr("the disk is full; what was saved before is kept"));
  disk.grow_to(100'000'000);
  log.finish();
  EXPECT_EQ(steps_in(store, 1, 1).size(), 20'000U);
}

TEST(TrainingLog, AStoreOfTheVersionBeforeKeepsItsRunsAndTakesTrainingRuns) {
  const TemporaryFolder folder;
  {
    auto newest = Store::open(folder / "newest.db");
    tests::complete_run(newest, 4, tests::sample_description("key", "night"));
    // What version 3 had of it, by the migrations of then.
    SQLite::Database old((folder / "old.db").string(),
                         SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    migrate(old, migrations().first(3));
    old.exec("ATTACH '" + (folder / "newest.db").string() + "' AS newest");
    for (const auto* table :
         {"model", "machine", "build", "task", "dataset", "run", "attempt", "cell", "metric",
          "document", "prompt", "output", "score", "aggregate"}) {
      old.exec(fmt::format("INSERT INTO main.{0} SELECT * FROM newest.{0}", table));
    }
  }
  EXPECT_EQ(schema_version_of(folder / "old.db"), 3);
  auto store = Store::open(folder / "old.db");
  EXPECT_EQ(schema_version_of(folder / "old.db"), newest_version());
  EXPECT_EQ(store.find_run("night").num_finished, 4);
  EXPECT_THAT(training_runs(store), IsEmpty());
  EXPECT_EQ(tests::complete_training(store), 1);
  EXPECT_THAT(check(store), IsEmpty());
}

TEST(TrainingLog, TheViewsCanBeReadWithAnySqlTool) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  tests::complete_training(store, "night");
  const auto text_of = [&](const std::string& query) {
    return store.database().execAndGet(query).getString();
  };
  EXPECT_EQ(text_of("SELECT name || ' ' || state || ' ' || num_steps_done || '/' || num_steps FROM "
                    "training_runs"),
            "night complete 14/14");
  EXPECT_EQ(text_of("SELECT stage_name || ' ' || tokens_per_second FROM training_steps WHERE stage "
                    "= 1 AND step = 9"),
            "distil 200.0");
  EXPECT_EQ(text_of("SELECT round(ratio_to_teacher, 6) FROM training_validations WHERE stage = 1"),
            "1.105171");
}

TEST(TrainingLog, ARunThatIsNotThereIsToldWithTheNearestName) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  EXPECT_THAT(error_of([&] { find_training(store, "latest"); }),
              HasSubstr("there are no training runs"));
  tests::complete_training(store, "night");
  EXPECT_EQ(find_training(store, "latest").id, 1);
  EXPECT_THAT(error_of([&] { find_training(store, "nihgt"); }), HasSubstr("did you mean 'night'"));
  EXPECT_THAT(error_of([&] { find_training(store, "2"); }), HasSubstr("a name: night"));
}

}  // namespace
}  // namespace hylo::reports
