// How a batch is cut into passes.
#include "models/distill/stage_run.h"

#include <gtest/gtest.h>

namespace hylo::models {
namespace {

TEST(PassesOf, ABatchAreWholeSequencesInOrder) {
  PackedBatch batch;
  batch.sequence_rows = {3, 5, 2, 8};
  batch.tokens_N.resize(18);
  batch.labels_N.resize(18);
  const auto passes = passes_of(batch, 8);
  ASSERT_EQ(passes.size(), 3U);
  EXPECT_EQ(passes[0].tokens_N.size(), 8U);
  EXPECT_EQ(passes[1].sequence_rows.size(), 1U);
  EXPECT_EQ(passes[2].tokens_N.data(), batch.tokens_N.data() + 10);
}

}  // namespace
}  // namespace hylo::models
