#include "reports/compare/log_bins.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>

namespace hylo::reports {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(LogBins, AShortSeriesHasABinPerItem) {
  EXPECT_THAT(log_bins(0, 4), IsEmpty());
  EXPECT_THAT(log_bins(1, 4), ElementsAre(1));
  EXPECT_THAT(log_bins(4, 4), ElementsAre(1, 2, 3, 4));
}

// 100 in two: the ends are 10 and 100.
TEST(LogBins, EndsGrowByOneFactor) {
  EXPECT_THAT(log_bins(100, 2), ElementsAre(10, 100));
  EXPECT_THAT(log_bins(1000, 3), ElementsAre(10, 100, 1000));
}

TEST(LogBins, EndsAscendAndTheLastIsTheSize) {
  for (const int64_t size : {5, 17, 61, 1000, 123'456}) {
    const auto ends = log_bins(size, 60);
    EXPECT_EQ(std::ssize(ends), std::min<int64_t>(size, 60));
    EXPECT_EQ(ends.back(), size);
    EXPECT_TRUE(std::is_sorted(ends.begin(), ends.end(), std::less_equal<>()));
  }
}

}  // namespace
}  // namespace hylo::reports
