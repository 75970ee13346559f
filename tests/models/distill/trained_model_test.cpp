// Which tensors a pattern names.
#include "models/distill/trained_model.h"

#include <gtest/gtest.h>

namespace hylo::models {
namespace {

TEST(FitsPattern, AStarStandsForAnyText) {
  EXPECT_TRUE(fits_pattern("layers.3.mixer.query.weight", "layers.*.mixer.*"));
  EXPECT_TRUE(fits_pattern("layers.3.mixer.", "layers.*.mixer.*"));
  EXPECT_FALSE(fits_pattern("layers.3.feed_forward.up.weight", "layers.*.mixer.*"));
  EXPECT_FALSE(fits_pattern("embedding.weights", "embedding.weight"));
}

}  // namespace
}  // namespace hylo::models
