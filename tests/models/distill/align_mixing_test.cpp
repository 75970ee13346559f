// Matrices of mixers are brought near to the attention that they come from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/models/distill/learner.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::error_of;
using hylo::tests::TemporaryFolder;
using namespace hylo::models::tests;
using ::testing::HasSubstr;
using AlignMixingTraining = TrainingTest;

/// Attention everywhere in the base; the student keeps the second layer.
struct MatrixLearner : Learner {
  MatrixLearner() {
    const auto base =
        config_of({{attention, dense}, {attention, dense}, {attention, dense}, {attention, dense}});
    config = config_of({{mamba2, dense}, {attention, dense}, {gated_delta, dense}, {mla, dense}});
    weights = random_weights(config, NumberType::Float32, 7);
    teacher = Decoder(base, random_weights(base, NumberType::Float32, 8));
  }
};

TEST_F(AlignMixingTraining, BringsThemNearer) {
  const MatrixLearner learner;
  const TemporaryFolder folder;
  Training training(learner.plan({stage_of("orient", AlignMixing{}, 80)}), folder.path());
  Listener listener;
  training.run(listener.events());
  const auto &first = listener.steps.front().loss, &last = listener.steps.back().loss;
  ASSERT_EQ(first.mixers.size(), 4U);
  for (const size_t layer : {0, 2}) EXPECT_LT(last.mixers[layer], 0.97 * first.mixers[layer]);
  EXPECT_EQ(first.mixers[1], 0);
  EXPECT_EQ(first.mixers[3], 0);
  EXPECT_NEAR(first.total, first.mixers[0] + first.mixers[2], 1e-12);
}

TEST_F(AlignMixingTraining, IsTheSameInOnePassAndInSeveral) {
  const MatrixLearner learner;
  const TemporaryFolder folder, other;
  auto stage = stage_of("orient", AlignMixing{}, 3);
  Training cut(learner.plan({stage}), folder.path());
  stage.tokens_per_pass = 24;
  Training whole(learner.plan({stage}), other.path());
  Listener first, second;
  cut.run(first.events());
  whole.run(second.events());
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(first.steps[i].loss.total, second.steps[i].loss.total, 1e-4);
    EXPECT_NEAR(first.steps[i].gradient_norm, second.steps[i].gradient_norm, 1e-4);
  }
}

TEST_F(AlignMixingTraining, WhatHasNoMatrixBesideItIsRefused) {
  const TemporaryFolder folder;
  const auto refused = [&](const MixerSpec& mixer) {
    MatrixLearner learner;
    learner.config.layers[0].mixer = mixer;
    learner.config.layers[2].mixer = attention;
    return error_of(
        [&] { Training(learner.plan({stage_of("orient", AlignMixing{}, 2)}), folder.path()); });
  };
  EXPECT_THAT(refused(discrete), HasSubstr("layer 0: its mixer has 4 heads, the attention that it "
                                           "comes from 3; matrices are aligned head by head"));
  EXPECT_THAT(refused(jet), HasSubstr("no layer of the student has a matrix to align"));
}

TEST(AlignMixingStage, KnowsShortContextsOnly) {
  auto stage = Json::parse(describe(stage_of("orient", AlignMixing{}, 2)).dump());
  EXPECT_EQ(read_stage(stage, "s").objective, Objective(AlignMixing{}));
  stage.update({{"context_length", 2048}, {"tokens_per_step", 4096}, {"tokens_per_pass", 4096}});
  EXPECT_THAT(error_of([&] { (void)read_stage(stage, "s"); }),
              HasSubstr("s.context_length: align_mixing holds a matrix of so many rows and columns "
                        "for each head; expected at most 1024, found 2048"));
}

}  // namespace
}  // namespace hylo::models
