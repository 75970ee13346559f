// Strata and slots, counted.
#include "tasks/ruler/strict_draws.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace hylo::tasks::ruler {
namespace {

TEST(StrictDraws, AStratumHasItsSlots) {
  CounterRandom random(1);
  for (const int64_t units : {9, 10, 13, 100}) {
    std::set<int64_t> slots;
    for (int64_t stratum = 0; stratum < num_strata; ++stratum) {
      for (int i = 0; i < 400; ++i) {
        const auto slot = slot_in_stratum(stratum, units, random);
        EXPECT_EQ(std::min<int64_t>(9, 10 * slot / units), stratum);
        slots.insert(slot);
      }
    }
    EXPECT_EQ(slots.size(), static_cast<size_t>(units) + 1);
  }
}

TEST(StrictDraws, InASmallHaystackNeighbouringStrataShareASlot) {
  CounterRandom random(1);
  for (const int64_t units : {1, 3, 8}) {
    std::map<int64_t, int64_t> counts;
    int64_t before = 0;
    for (int64_t stratum = 0; stratum < num_strata; ++stratum) {
      const auto slot = slot_in_stratum(stratum, units, random);
      EXPECT_GE(slot, before);
      before = slot;
      ++counts[slot];
    }
    EXPECT_EQ(std::ssize(counts), units + 1);
    EXPECT_EQ(before, units);
  }
}

}  // namespace
}  // namespace hylo::tasks::ruler
