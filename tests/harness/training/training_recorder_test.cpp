// Steps of a training as they are stored.
#include "harness/training/training_recorder.h"

#include <gtest/gtest.h>

namespace hylo::harness {
namespace {

TEST(TrainingRecorder, ALossOfExactly0IsStored) {
  const auto step = step_of(models::DistilLogits{.ce_weight = 0.5}, {});
  EXPECT_EQ(step.loss, 0);
  EXPECT_EQ(step.divergence, 0);
  EXPECT_EQ(step.cross_entropy, 0);
}

TEST(TrainingRecorder, WhatAStageDoesNotMeasureIsAbsent) {
  EXPECT_EQ(step_of(models::DistilLogits{}, {}).cross_entropy, std::nullopt);
  EXPECT_EQ(step_of(models::NextToken{}, {}).divergence, std::nullopt);
  EXPECT_EQ(step_of(models::NextToken{}, {}).cross_entropy, 0);
  EXPECT_EQ(step_of(models::NextToken{.z_loss = 0.1}, {}).cross_entropy, std::nullopt);
  EXPECT_EQ(step_of(models::AlignLayers{}, {}).divergence, std::nullopt);
}

}  // namespace
}  // namespace hylo::harness
