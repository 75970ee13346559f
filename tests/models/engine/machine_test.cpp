#include "models/engine/machine.h"

#include <gmock/gmock.h>

#include "kernels/machine/machine.h"

namespace hylo::models::tests {
namespace {

TEST(Machine, FiguresAreThoseOfKernels) {
  const auto machine = describe_machine();
  const auto below = kernels::describe_machine();
  EXPECT_EQ(machine.cpu_name, below.cpu_name);
  EXPECT_EQ(machine.num_threads, below.num_threads);
  EXPECT_EQ(machine.memory_bytes, below.memory_bytes);
  EXPECT_EQ(machine.caches.size(), below.caches.size());
  ASSERT_EQ(machine.features.front().name, "avx2");
  EXPECT_EQ(machine.features.front().is_there, below.features.avx2);
}

TEST(Machine, EveryThreadWorks) {
  const auto machine = describe_machine();
  EXPECT_EQ(machine.num_threads_that_work, machine.num_threads);
}

TEST(Machine, AProductPeakNamesItsShapeAndItsSpread) {
  const auto peak = measure_product_peak(NumberType::Float32, 0.01);
  EXPECT_GT(peak.median, 0);
  EXPECT_LE(peak.lower_quartile, peak.upper_quartile);
  EXPECT_GE(peak.num_samples, 1);
  EXPECT_THAT(peak.of, testing::HasSubstr(" x "));
}

}  // namespace
}  // namespace hylo::models::tests
