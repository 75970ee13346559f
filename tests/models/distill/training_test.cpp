// Trainings of small models: that they learn, and that what interrupts them changes nothing.
#include "models/distill/training.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clone.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <utility>

#include "tests/models/distill/learner.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::error_of;
using hylo::tests::TemporaryFolder;
using namespace hylo::models::tests;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<Stage> two_stages() {
  auto distil = stage_of("distil", DistilLogits{.ce_weight = 0.5}, 5);
  distil.checkpoint_every = 2;
  return {stage_of("align", AlignLayers{}, 4), distil};
}

TEST_F(TrainingTest, EveryKindOfLayerLearnsToPredict) {
  const Learner learner;
  const TemporaryFolder folder;
  auto stage = stage_of("count", NextToken{}, 120);
  stage.peak_learning_rate = 3e-2;
  stage.validate_every = 40;
  Training training(learner.plan({stage}), folder.path());
  Listener listener;
  training.run(listener.events());
  EXPECT_TRUE(training.is_complete());
  ASSERT_EQ(listener.steps.size(), 120U);
  ASSERT_EQ(listener.validations.size(), 3U);
  // The next token is certain; guessing costs ln 37 = 3.6 nats.
  EXPECT_GT(listener.steps.front().loss.total, 3);
  EXPECT_LT(listener.validations.back().loss.cross_entropy, 1);
  EXPECT_LT(listener.validations.back().loss.cross_entropy,
            listener.validations.front().loss.cross_entropy);
}

TEST_F(TrainingTest, StoppedAfterAnyStepAndTakenUpItEndsWithTheSameBits) {
  const Learner learner;
  const TemporaryFolder whole_folder;
  Training whole(learner.plan(two_stages()), whole_folder.path());
  Listener whole_listener;
  whole.run(whole_listener.events());
  for (size_t stop = 1; stop < 9; ++stop) {
    SCOPED_TRACE(stop);
    const TemporaryFolder folder;
    Listener first, second;
    first.stop_after = stop;
    {
      Training training(learner.plan(two_stages()), folder.path());
      EXPECT_FALSE(training.is_resumed());
      training.run(first.events());
    }
    Training training(learner.plan(two_stages()), folder.path());
    EXPECT_TRUE(training.is_resumed());
    training.run(second.events());
    EXPECT_TRUE(training.is_complete());
    // Behind the last step of a stage nobody asks: the run goes on to the next.
    EXPECT_EQ(first.steps.size() + second.steps.size(), 9U);
    EXPECT_EQ(second.steps.back().loss.total, whole_listener.steps.back().loss.total);
    expect_same_weights(training.student(), whole.student());
  }
}

/// Killed: what was done since the last checkpoint is lost, and done again.
TEST_F(TrainingTest, KilledBetweenCheckpointsItRepeatsStepsAndEndsWithTheSameBits) {
  const Learner learner;
  const TemporaryFolder whole_folder, folder;
  Training whole(learner.plan(two_stages()), whole_folder.path());
  Listener whole_listener, killed, resumed;
  whole.run(whole_listener.events());
  {
    Training training(learner.plan(two_stages()), folder.path());
    auto events = killed.events();
    events.should_stop = [&]() -> bool {
      if (killed.steps.size() == 7) throw std::runtime_error("killed");
      return false;
    };
    EXPECT_THROW(training.run(events), std::runtime_error);
  }
  Training training(learner.plan(two_stages()), folder.path());
  EXPECT_EQ(training.place(), (TrainingPlace{1, 2}));
  training.run(resumed.events());
  EXPECT_EQ(resumed.steps.size(), 3U);
  expect_same_weights(training.student(), whole.student());
}

TEST_F(TrainingTest, ItsStudentIsShownAfterEveryStepAndNothingChangesByIt) {
  const Learner learner;
  const TemporaryFolder folder, other_folder;
  Listener listener, other;
  std::vector<TrainingPlace> shown;
  auto events = listener.events();
  events.on_student = [&](const TrainingPlace& place, const TrainedModel&) {
    shown.push_back(place);
    return true;
  };
  Training seen(learner.plan(two_stages()), folder.path());
  seen.run(events);
  const std::vector<TrainingPlace> every_step{{0, 1}, {0, 2}, {0, 3}, {0, 4}, {1, 1},
                                              {1, 2}, {1, 3}, {1, 4}, {1, 5}};
  EXPECT_EQ(shown, every_step);
  Training unseen(learner.plan(two_stages()), other_folder.path());
  unseen.run(other.events());
  expect_same_weights(seen.student(), unseen.student());
}

/// The last step of a stage and of all stages too: nothing was measured behind it yet.
TEST_F(TrainingTest, WhoWasInterruptedLookingSeesTheSameWeightsAgain) {
  const Learner learner;
  const TemporaryFolder whole_folder;
  Listener undisturbed;
  Training whole(learner.plan(two_stages()), whole_folder.path());
  whole.run(undisturbed.events());
  for (const auto& place : {TrainingPlace{0, 3}, {0, 4}, {1, 2}, {1, 5}}) {
    SCOPED_TRACE(fmt::format("stage {}, step {}", place.stage, place.next_step));
    const TemporaryFolder folder;
    Listener listener;
    std::vector<at::Tensor> first, again;
    auto events = listener.events();
    bool is_first = true;
    events.on_student = [&](const TrainingPlace& here, const TrainedModel& student) {
      if (here != place) return true;
      for (const auto& tensor : student.tensors()) {
        (is_first ? first : again).push_back(tensor.value.clone());
      }
      return !std::exchange(is_first, false);
    };
    Training(learner.plan(two_stages()), folder.path()).run(events);
    Training resumed(learner.plan(two_stages()), folder.path());
    EXPECT_EQ(resumed.place(), place);
    resumed.run(events);
    EXPECT_TRUE(resumed.is_complete());
    EXPECT_EQ(listener.steps.size(), 9U);
    EXPECT_EQ(listener.validations.size(), undisturbed.validations.size());
    ASSERT_EQ(again.size(), first.size());
    for (size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(at::equal(first[i], again[i]));
    expect_same_weights(resumed.student(), whole.student());
  }
}

TEST_F(TrainingTest, WhatItTookIsCountedOverAllTimesThatItWasTakenUp) {
  const Learner learner;
  const TemporaryFolder folder;
  Listener listener, rest;
  listener.stop_after = 3;
  Training(learner.plan(two_stages()), folder.path()).run(listener.events());
  Training again(learner.plan(two_stages()), folder.path());
  ASSERT_TRUE(again.spent());
  EXPECT_EQ(again.spent()->tokens, 3 * 24);
  const double seconds = again.spent()->seconds;
  EXPECT_GT(seconds, 0);
  again.run(rest.events());
  // 4 steps of alignment and 5 of distillation.
  EXPECT_EQ(again.spent()->tokens, 9 * 24);
  EXPECT_GT(again.spent()->seconds, seconds);
  auto steps = listener.steps;
  steps.insert(steps.end(), rest.steps.begin(), rest.steps.end());
  ASSERT_EQ(steps.size(), 9U);
  double flop = 0, planned = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    const auto of_row = flop_of_row(two_stages()[i < 4 ? 0 : 1], {learner.config, &learner.config});
    flop += of_row.of(steps[i].num_rows, steps[i].num_labels).total();
    planned += of_row.of(24, 24).total();
  }
  EXPECT_NEAR(again.spent()->flop, flop, 1e-9 * flop);
  EXPECT_LT(flop, planned);  // The last token of a document has no label, and so fewer logits.
}

TEST_F(TrainingTest, ThatIsCompleteSaysSoAndDoesNothing) {
  const Learner learner;
  const TemporaryFolder folder;
  Listener first, second;
  Training(learner.plan(two_stages()), folder.path()).run(first.events());
  Training again(learner.plan(two_stages()), folder.path());
  EXPECT_TRUE(again.is_complete());
  again.run(second.events());
  EXPECT_TRUE(second.steps.empty());
}

TEST_F(TrainingTest, TellsOnceAndBeforeTheFirstStageWithoutItThatTheBaseIsDone) {
  const Learner learner;
  const TemporaryFolder folder;
  const auto steps_before = [&](size_t stop_after) {
    Listener listener;
    listener.stop_after = stop_after;
    std::vector<size_t> told;
    auto events = listener.events();
    events.on_base_done = [&] { told.push_back(listener.steps.size()); };
    Training(learner.plan(two_stages()), folder.path()).run(events);
    return told;
  };
  EXPECT_TRUE(steps_before(2).empty());
  EXPECT_EQ(steps_before(4), std::vector<size_t>{2});  // 4 steps align, 2 of them are done.
  EXPECT_EQ(steps_before(100), std::vector<size_t>{0});
}

TEST_F(TrainingTest, UnderAChangedRecipeSaysWhatChanged) {
  const Learner learner;
  const TemporaryFolder folder;
  Listener listener;
  listener.stop_after = 2;
  Training(learner.plan(two_stages()), folder.path()).run(listener.events());
  auto stages = two_stages();
  stages[1].peak_learning_rate = 0.5;
  EXPECT_THAT(error_of([&] { Training(learner.plan(stages), folder.path()); }),
              AllOf(HasSubstr("recipe.stages[1].peak_learning_rate: 0.5, was 0.01"),
                    Not(HasSubstr("stages[0]"))));
}

TEST_F(TrainingTest, ACheckpointThatWasNotFinishedIsNone) {
  const Learner learner;
  const TemporaryFolder folder;
  Listener listener;
  listener.stop_after = 2;
  Training(learner.plan(two_stages()), folder.path()).run(listener.events());
  const auto checkpoints = folder / "checkpoints";
  std::filesystem::copy(checkpoints / "stage-0000-step-000000000002",
                        checkpoints / "stage-0000-step-000000000003.part");
  std::filesystem::create_directories(checkpoints / "stage-0000-step-000000000003");
  EXPECT_EQ(Training(learner.plan(two_stages()), folder.path()).place(), (TrainingPlace{0, 2}));
  std::ofstream(checkpoints / "stage-0000-step-000000000002" / "training.json")
      << R"({"version": 1)";
  EXPECT_THAT(error_of([&] { Training(learner.plan(two_stages()), folder.path()); }),
              HasSubstr("training.json"));
}

TEST_F(TrainingTest, ALossThatIsNotFiniteStopsItAndRecordsTheBatch) {
  const Learner learner;
  const TemporaryFolder folder;
  auto stage = stage_of("blow-up", NextToken{}, 9);
  stage.peak_learning_rate = 1e30;
  Training training(learner.plan({stage}), folder.path());
  Listener listener;
  const auto text = error_of([&] { training.run(listener.events()); });
  EXPECT_THAT(text, AllOf(HasSubstr("stage 'blow-up', step"), HasSubstr("not-finite-blow-up-")));
  const auto file = folder / fmt::format("not-finite-blow-up-{}.json", listener.steps.size());
  EXPECT_EQ(read_json_file(file).at("tokens").size(), 24U);
}

TEST_F(TrainingTest, FrozenTensorsKeepTheirBits) {
  const Learner learner;
  const TemporaryFolder folder;
  auto stage = stage_of("align", NextToken{}, 3);
  stage.frozen = {"embedding.weight", "layers.*.feed_forward.*"};
  Training training(learner.plan({stage}), folder.path());
  Listener listener;
  training.run(listener.events());
  const auto after = training.student().weights();
  auto before = learner.weights;
  std::vector<at::Tensor> values;
  visit_weights(learner.config, after,
                [&](const WeightSlot&, const at::Tensor& tensor) { values.push_back(tensor); });
  size_t i = 0;
  visit_weights(learner.config, before, [&](const WeightSlot& slot, const at::Tensor& tensor) {
    const bool is_frozen =
        slot.name == "embedding.weight" || (slot.name.find(".feed_forward.") != std::string::npos);
    EXPECT_EQ(at::equal(tensor, values[i++]), is_frozen) << slot.name;
  });
  stage.frozen = {"layers.*.attention"};
  EXPECT_THAT(error_of([&] { Training(learner.plan({stage}), (folder / "other")); }),
              HasSubstr("no tensor is called 'layers.*.attention'"));
}

TEST_F(TrainingTest, LayersThatAreRecomputedMayBeFrozenFromTheFirstOn) {
  const Learner learner;
  const TemporaryFolder folder, other;
  auto stage = stage_of("upper", NextToken{}, 3);
  stage.frozen = {"embedding.weight", "layers.0.*", "layers.1.*"};
  Training kept(learner.plan({stage}), folder.path());
  stage.recompute_layers = true;
  Training recomputed(learner.plan({stage}), other.path());
  Listener first, second;
  kept.run(first.events());
  recomputed.run(second.events());
  EXPECT_NEAR(first.steps.back().loss.total, second.steps.back().loss.total, 1e-5);
}

/// A distance of exactly 0 has no direction: what is copied must not be moved by rounding.
TEST_F(TrainingTest, AStudentThatIsItsBaseIsNotMovedByAlignment) {
  const Learner learner;
  const TemporaryFolder folder;
  auto plan = learner.plan({stage_of("align", AlignLayers{}, 2)});
  plan.initial = [&] { return learner.teacher.weights(); };
  Training training(std::move(plan), folder.path());
  Listener listener;
  training.run(listener.events());
  EXPECT_EQ(listener.steps.front().loss.total, 0);
  EXPECT_EQ(listener.steps.front().gradient_norm, 0);
}

TEST_F(TrainingTest, OtherDataAreRefusedBetweenStagesToo) {
  const Learner learner;
  const TemporaryFolder folder;
  Listener listener;
  {
    Training training(learner.plan(two_stages()), folder.path());
    auto events = listener.events();
    events.on_checkpoint = [](const TrainingPlace& place, const std::filesystem::path&) {
      if (place == TrainingPlace{1, 0}) throw std::runtime_error("killed");
    };
    EXPECT_THROW(training.run(events), std::runtime_error);
  }
  auto plan = learner.plan(two_stages());
  plan.sources.front().documents = counting_documents(41);
  EXPECT_THAT(error_of([&] { Training(std::move(plan), folder.path()); }),
              HasSubstr("data.counting.sha256"));
  auto renamed = two_stages();
  renamed[1].checkpoint_every = 3;
  EXPECT_EQ(Training(learner.plan(renamed), folder.path()).place(), (TrainingPlace{1, 0}));
}

TEST_F(TrainingTest, InBfloat16StepsFloat32MastersAndResumesThem) {
  const Learner learner;
  const TemporaryFolder whole_folder, folder;
  auto stage = stage_of("count", NextToken{}, 12);
  stage.peak_learning_rate = 1e-4;  // Steps below the spacing of bfloat16.
  const auto plan = [&] {
    auto made = learner.plan({stage});
    made.type = NumberType::BFloat16;
    return made;
  };
  Training whole(plan(), whole_folder.path());
  Listener listener, first, second;
  whole.run(listener.events());
  EXPECT_LT(listener.steps.back().loss.total, listener.steps.front().loss.total);
  for (const auto& tensor : whole.student().tensors()) {
    EXPECT_EQ(tensor.value.scalar_type(), at::kFloat);
  }
  first.stop_after = 5;
  Training(plan(), folder.path()).run(first.events());
  Training resumed(plan(), folder.path());
  resumed.run(second.events());
  expect_same_weights(resumed.student(), whole.student());
}

TEST_F(TrainingTest, AsksForWhatItsStagesNeed) {
  const Learner learner;
  const TemporaryFolder folder;
  auto without = learner.plan(two_stages());
  without.base = nullptr;
  EXPECT_THAT(error_of([&] { Training(std::move(without), folder.path()); }),
              HasSubstr("stage 'align' (align_layers) learns from a teacher"));
  auto stages = two_stages();
  stages[1].data = {{"countin", 1.0}};
  EXPECT_THAT(error_of([&] { Training(learner.plan(stages), folder.path()); }),
              HasSubstr("'countin', which is no source"));
  auto narrower = learner.plan(two_stages());
  narrower.student.layers.pop_back();
  EXPECT_THAT(error_of([&] { Training(std::move(narrower), folder.path()); }),
              HasSubstr("aligns 6 layers of width 15 with 7"));
  auto longer = two_stages();
  longer[1].context_length = 300;
  EXPECT_THAT(error_of([&] { Training(learner.plan(longer), folder.path()); }),
              HasSubstr("beyond the 256 positions"));
  auto other = learner.plan({stage_of("distil", DistilLogits{}, 2)});
  other.student.vocabulary_size = 41;
  EXPECT_THAT(error_of([&] { Training(std::move(other), folder.path()); }),
              HasSubstr("37 tokens, the student's 41"));
}

}  // namespace
}  // namespace hylo::models
