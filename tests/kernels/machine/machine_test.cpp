#include "kernels/machine/machine.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>

#include <mutex>
#include <set>
#include <thread>

#include "harness/base/files.h"
#include "tests/support/test_data.h"

namespace hylo::kernels {
namespace {

using testing::HasSubstr;

constexpr double slowest_memory_bytes_per_second = 0.2e9;
constexpr double fastest_memory_bytes_per_second = 20e12;
constexpr double slowest_product_flop_per_second = 0.1e9;
constexpr double fastest_product_flop_per_second = 1e15;

/// The flags that the kernel prints for the first processor.
std::set<std::string> flags_of_linux() {
  const std::string text = read_text_file("/proc/cpuinfo");
  std::set<std::string> flags;
  for (const auto line : lines_of(text)) {
    if (!line.starts_with("flags")) continue;
    std::istringstream words{std::string(line.substr(line.find(':') + 1))};
    for (std::string word; words >> word;) flags.insert(word);
    break;
  }
  return flags;
}

TEST(Machine, TheFeaturesAreThoseThatLinuxPrints) {
  const auto flags = flags_of_linux();
  if (flags.empty()) GTEST_SKIP() << "/proc/cpuinfo has no line of flags; this is no x86 processor";
  const CpuFeatures found = describe_machine().features;
  EXPECT_EQ(found.avx2, flags.contains("avx2"));
  EXPECT_EQ(found.avx512f, flags.contains("avx512f"));
  EXPECT_EQ(found.avx512bw, flags.contains("avx512bw"));
  EXPECT_EQ(found.avx512_vnni, flags.contains("avx512_vnni"));
  EXPECT_EQ(found.avx512_bf16, flags.contains("avx512_bf16"));
  EXPECT_EQ(found.amx_tile, flags.contains("amx_tile"));
  EXPECT_EQ(found.amx_bf16, flags.contains("amx_bf16"));
  EXPECT_EQ(found.amx_int8, flags.contains("amx_int8"));
}

TEST(Machine, CoresThreadsAndMemoryAreCounted) {
  const auto machine = describe_machine();
  EXPECT_FALSE(machine.cpu_name.empty());
  EXPECT_GE(machine.num_physical_cores, 1);
  EXPECT_GE(machine.num_logical_cores, 1);
  EXPECT_EQ(machine.num_threads, at::get_num_threads());
  EXPECT_GT(machine.memory_bytes, int64_t{256} << 20);
  EXPECT_GT(machine.available_memory_bytes, 0);
  EXPECT_LE(machine.available_memory_bytes, machine.memory_bytes);
}

TEST(Machine, CachesGrowWithTheirLevel) {
  const auto machine = describe_machine();
  if (machine.caches.empty()) GTEST_SKIP() << "/sys tells of no caches here";
  for (size_t i = 0; i < machine.caches.size(); ++i) {
    EXPECT_GE(machine.caches[i].bytes, 4096);
    EXPECT_GE(machine.caches[i].num_instances, 1);
    if (i > 0) {
      EXPECT_GT(machine.caches[i].level, machine.caches[i - 1].level);
      EXPECT_GT(machine.caches[i].bytes, machine.caches[i - 1].bytes);
    }
  }
}

TEST(Machine, TheLastLevelCountsAllItsInstances) {
  const MachineDescription machine{.caches = {{1, 32 << 10, 16}, {3, 32 << 20, 4}}};
  EXPECT_EQ(machine.last_level_cache_bytes(), 128 << 20);
  EXPECT_EQ(MachineDescription{}.last_level_cache_bytes(), 0);
  EXPECT_EQ(ReadBandwidthProbe::default_bytes(machine), int64_t{2} << 30);
  const MachineDescription large{.caches = {{3, 32 << 20, 24}}};
  EXPECT_EQ(ReadBandwidthProbe::default_bytes(large), int64_t{3} << 30);
}

TEST(Threads, ParallelForRunsOnAllThreadsOfLibTorch) {
  EXPECT_EQ(num_threads_of_parallel_for(), at::get_num_threads());
}

// parallel_for is a header: the target of this test could lack OpenMP although the room has it.
TEST(Threads, ParallelForInsideATestRunsOnAllThreadsToo) {
  std::mutex mutex;
  std::set<std::thread::id> threads;
  at::parallel_for(0, at::get_num_threads(), 1, [&](int64_t, int64_t) {
    const std::scoped_lock lock(mutex);
    threads.insert(std::this_thread::get_id());
  });
  EXPECT_EQ(std::ssize(threads), at::get_num_threads());
}

TEST(Measuring, QuartilesAreInterpolated) {
  const Measured measured = summarize({4, 1, 3, 2});
  EXPECT_EQ(measured.lower_quartile, 1.75);
  EXPECT_EQ(measured.median, 2.5);
  EXPECT_EQ(measured.upper_quartile, 3.25);
  EXPECT_EQ(measured.num_samples, 4);
  EXPECT_EQ(summarize({7}).upper_quartile, 7);
  EXPECT_THAT(tests::error_of([] { (void)summarize({}); }), HasSubstr("no samples"));
}

TEST(Measuring, SamplingEndsWithTheNumberOrTheTime) {
  int64_t calls = 0;
  const auto count = [&] { return static_cast<double>(++calls); };
  EXPECT_EQ(measure(count, {.num_samples = 5, .max_seconds = 60}).median, 3);
  EXPECT_EQ(measure(count, {.num_samples = 5, .max_seconds = 0}).num_samples, 1);
  EXPECT_THAT(tests::error_of([&] { (void)measure(count, {.num_samples = 0}); }),
              HasSubstr("expected at least 1"));
}

TEST(Measuring, ReadBandwidthIsPlausible) {
  ReadBandwidthProbe probe(int64_t{64} << 20);
  const Measured found = measure([&] { return probe.sample(); }, {.num_samples = 5});
  EXPECT_GT(found.median, slowest_memory_bytes_per_second);
  EXPECT_LT(found.median, fastest_memory_bytes_per_second);
  EXPECT_LE(found.lower_quartile, found.upper_quartile);
}

TEST(Measuring, ABlockThatDoesNotFitIsRefused) {
  EXPECT_THAT(tests::error_of([] { ReadBandwidthProbe(int64_t{1} << 50); }),
              HasSubstr("1024.00 TiB is needed"));
  EXPECT_THAT(tests::error_of([] { ReadBandwidthProbe(0); }), HasSubstr("0 bytes"));
}

TEST(Measuring, TheProductPeakIsPlausible) {
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    ProductPeakProbe probe(dtype);
    EXPECT_FALSE(probe.shape().empty());
    const Measured found =
        measure([&] { return probe.sample(); }, {.num_samples = 3, .max_seconds = 1});
    EXPECT_GT(found.median, slowest_product_flop_per_second) << dtype;
    EXPECT_LT(found.median, fastest_product_flop_per_second) << dtype;
  }
  EXPECT_THAT(tests::error_of([] { ProductPeakProbe(at::kLong); }), HasSubstr("Long"));
}

}  // namespace
}  // namespace hylo::kernels
