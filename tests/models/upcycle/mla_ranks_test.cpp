// Ranks from the energy of singular values, by hand.
#include "models/upcycle/mla_ranks.h"

#include <ATen/ops/ones.h>
#include <gmock/gmock.h>

#include "tests/models/upcycle/tiny_attention.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::error_of;
using ::testing::HasSubstr;
using namespace tests;  // NOLINT: the whole header is for tests like these

TEST(MlaRanks, AreRoundedUpToAMultipleOf8) {
  const auto equal = at::ones({40}, at::kDouble);
  EXPECT_EQ(rank_by_energy(equal, 0.2), 8);     // 8 values hold a fifth
  EXPECT_EQ(rank_by_energy(equal, 0.21), 8);    // 9 would hold more
  EXPECT_EQ(rank_by_energy(equal, 0.225), 16);  // 9 values
  EXPECT_EQ(rank_by_energy(equal, 1), 40);
}

TEST(MlaRanks, AreAtLeastOneStepAndAtMostTheValuesThereAre) {
  EXPECT_EQ(rank_by_energy(at::tensor({9.0, 1.0, 1.0}), 0.5), 3);
  EXPECT_EQ(rank_by_energy(at::ones({13}, at::kDouble), 0.01), 8);
  EXPECT_EQ(rank_by_energy(at::ones({13}, at::kDouble), 1), 13);
}

TEST(MlaRanks, SquaresAreWhatCounts) {
  std::vector<double> values(20, 1);
  values[0] = 9;  // 81 of 100
  const auto tensor = at::tensor(values, at::kDouble);
  EXPECT_EQ(rank_by_energy(tensor, 0.88), 8);   // 1 + 7 values
  EXPECT_EQ(rank_by_energy(tensor, 0.89), 16);  // 1 + 8 values
}

TEST(MlaRanks, AShareThatIsNoneIsRefused) {
  for (const double energy : {0.0, -0.5, 1.5}) {
    EXPECT_THAT(error_of([&] { (void)rank_by_energy(at::ones({8}), energy); }),
                HasSubstr("expected a share above 0 and at most 1"));
  }
}

TEST(MlaRanks, OfALayerAreThoseOfItsQueriesAndOfItsRepeatedKeysAndValues) {
  const auto weights = random_weights(dense_teacher(grouped, 1), NumberType::Float64, 4);
  const AttentionTeacher teacher{grouped, mixer_of<AttentionWeights>(weights, 0)};
  EXPECT_EQ(ranks_by_energy(teacher, 1), (MlaRanks{.query_rank = 15, .latent_rank = 15}));
  EXPECT_EQ(ranks_by_energy(teacher, 0.1), (MlaRanks{.query_rank = 8, .latent_rank = 8}));
}

}  // namespace
}  // namespace hylo::models
