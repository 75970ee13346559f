// Two models on the same documents: the difference by hand.
#include "reports/compare/paired_losses.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace hylo::reports {
namespace {

using Documents = std::vector<HeldOutDocument>;

// 2 and 4 tokens; 1 and 5 nats more: 6 / 6 tokens = 1 nat a token. Residuals 1 - 2 = -1 and
// 5 - 4 = 1: s = sqrt(2), of their mean sqrt(2) / sqrt(2) = 1, in units of the mean of 3 tokens.
TEST(PairedLosses, AreASumOfDifferencesOverTheTokens) {
  const Documents one{{2, 3}, {4, 9}}, other{{2, 2}, {4, 4}};
  const auto paired = paired_losses(one, other);
  ASSERT_TRUE(paired);
  EXPECT_EQ(paired->num_documents, 2);
  EXPECT_DOUBLE_EQ(paired->difference, 1);
  EXPECT_DOUBLE_EQ(paired->standard_error.value(), 1.0 / 3);
  EXPECT_DOUBLE_EQ(paired->interval->low, 1 - normal_95 / 3);
  EXPECT_DOUBLE_EQ(paired->interval->high, 1 + normal_95 / 3);
  EXPECT_DOUBLE_EQ(paired_losses(other, one)->difference, -1);
}

// Every document a nat a token worse, whatever its length: that is certain.
TEST(PairedLosses, OfTheSameDifferenceEverywhereHaveNoError) {
  const Documents one{{1, 8}, {3, 5}, {2, 2}}, other{{1, 7}, {3, 2}, {2, 0}};
  EXPECT_DOUBLE_EQ(paired_losses(one, other)->difference, 1);
  EXPECT_NEAR(paired_losses(one, other)->standard_error.value(), 0, 1e-12);
}

TEST(PairedLosses, OfOtherDocumentsAreNone) {
  const Documents one{{1, 8}, {3, 5}};
  EXPECT_FALSE(paired_losses(one, Documents{{1, 8}}));
  EXPECT_FALSE(paired_losses(one, Documents{{1, 8}, {4, 5}}));
  EXPECT_FALSE(paired_losses({}, {}));
}

TEST(PairedLosses, OfOneDocumentHaveNoInterval) {
  const auto paired = paired_losses(Documents{{2, 4}}, Documents{{2, 3}});
  EXPECT_DOUBLE_EQ(paired->difference, 0.5);
  EXPECT_FALSE(paired->standard_error || paired->interval);
}

}  // namespace
}  // namespace hylo::reports
