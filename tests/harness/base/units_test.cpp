#include "harness/base/units.h"

#include <gmock/gmock.h>

#include <limits>

#include "harness/base/clock.h"

namespace hylo::tests {
namespace {

TEST(Units, BytesAreExactBelowOneKiBAndBinaryAbove) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1024), "1.00 KiB");
  EXPECT_EQ(human_bytes(2'469'606'195), "2.30 GiB");
  EXPECT_EQ(human_bytes(int64_t{3} << 40), "3.00 TiB");
  EXPECT_EQ(human_bytes(int64_t{5} << 50), "5120.00 TiB");
}

TEST(Units, BytesThatRoundUpToTheNextUnitAreSaidInIt) {
  EXPECT_EQ(human_bytes((1 << 20) - 1), "1.00 MiB");
}

TEST(Units, SecondsCarryTheTwoLargestUnits) {
  EXPECT_EQ(human_seconds(0.84), "0.8 s");
  EXPECT_EQ(human_seconds(59.97), "1 min 00 s");
  EXPECT_EQ(human_seconds(200), "3 min 20 s");
  EXPECT_EQ(human_seconds(3599.6), "1 h 00 min");
  EXPECT_EQ(human_seconds(7500), "2 h 05 min");
}

TEST(Units, ThousandsAreSeparated) {
  EXPECT_EQ(with_thousands(0), "0");
  EXPECT_EQ(with_thousands(999), "999");
  EXPECT_EQ(with_thousands(1000), "1,000");
  EXPECT_EQ(with_thousands(1'235'814'400), "1,235,814,400");
  EXPECT_EQ(with_thousands(-123'456), "-123,456");
  EXPECT_EQ(with_thousands(std::numeric_limits<int64_t>::min()), "-9,223,372,036,854,775,808");
}

TEST(Clock, TheUtcTextHasOneFixedForm) {
  EXPECT_THAT(utc_now(), testing::MatchesRegex(
                             "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z"));
}

TEST(Clock, AStopwatchDoesNotRunBackwards) {
  const Stopwatch watch;
  const double first = watch.seconds();
  EXPECT_GE(first, 0.0);
  EXPECT_GE(watch.seconds(), first);
}

}  // namespace
}  // namespace hylo::tests
