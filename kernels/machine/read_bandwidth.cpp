#include <ATen/Parallel.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <atomic>

#include "harness/base/clock.h"
#include "harness/base/error.h"
#include "harness/base/units.h"
#include "kernels/machine/machine.h"

namespace hylo::kernels {
namespace {

using Line = uint64_t __attribute__((vector_size(64), may_alias));

constexpr int64_t page_bytes = 4096;
constexpr int64_t lines_per_page = page_bytes / static_cast<int64_t>(sizeof(Line));
constexpr int64_t prefetch_lines = 16;  // 1 KiB ahead; 8 KiB ahead is slower than none.

// Exclusive or of all lines: one operation per load, so that only the loads count. Compiled for
// each instruction set by the functions below.
[[gnu::always_inline]] inline uint64_t read_lines(const Line* lines, int64_t num_lines) {
  Line sums[4] = {};
  for (int64_t i = 0; i < num_lines; i += 4) {
    for (int64_t j = 0; j < 4; ++j) {
      __builtin_prefetch(lines + i + j + prefetch_lines);
      sums[j] ^= lines[i + j];
    }
  }
  const Line sum = (sums[0] ^ sums[1]) ^ (sums[2] ^ sums[3]);
  uint64_t folded = 0;
  for (int j = 0; j < 8; ++j) folded ^= sum[j];
  return folded;
}

uint64_t read_baseline(const Line* lines, int64_t num_lines) {
  return read_lines(lines, num_lines);
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] uint64_t read_avx2(const Line* lines, int64_t num_lines) {
  return read_lines(lines, num_lines);
}
[[gnu::target("avx512f")]] uint64_t read_avx512(const Line* lines, int64_t num_lines) {
  return read_lines(lines, num_lines);
}
#endif

auto widest_read() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f")) return &read_avx512;
  if (__builtin_cpu_supports("avx2")) return &read_avx2;
#endif
  return &read_baseline;
}

int64_t whole_pages(int64_t bytes) { return (bytes + page_bytes - 1) / page_bytes * page_bytes; }

}  // namespace

int64_t ReadBandwidthProbe::default_bytes(const MachineDescription& machine) {
  return std::max<int64_t>(4 * machine.last_level_cache_bytes(), int64_t{2} << 30);
}

ReadBandwidthProbe::ReadBandwidthProbe(int64_t bytes) {
  require(bytes > 0, "read bandwidth: a block of {} bytes cannot be read", bytes);
  const int64_t available = describe_machine().available_memory_bytes;
  require(available == 0 || bytes < available,
          "read bandwidth: a block of {} is needed, {} of memory are available; end other programs",
          human_bytes(bytes), human_bytes(available));
  // Not zeros: the system would map all of them to one page.
  block_ = at::full({whole_pages(bytes) / 8}, 0x5DEECE66D, at::kLong);
  sample();
}

double ReadBandwidthProbe::sample() {
  static const auto read = widest_read();
  const auto* lines = static_cast<const Line*>(block_.const_data_ptr());
  const int64_t num_pages = block_.numel() * 8 / page_bytes;
  std::atomic<uint64_t> folded = 0;
  const Stopwatch watch;
  at::parallel_for(0, num_pages, 1, [&](int64_t begin, int64_t end) {
    folded ^= read(lines + begin * lines_per_page, (end - begin) * lines_per_page);
  });
  const double seconds = watch.seconds();
  // A page holds an even number of equal words.
  invariant(folded == 0, "read bandwidth: the block did not read back as it was written");
  return static_cast<double>(num_pages * page_bytes) / seconds;
}

Measured measure_read_bandwidth(const Sampling& sampling) {
  ReadBandwidthProbe probe(ReadBandwidthProbe::default_bytes(describe_machine()));
  return measure([&] { return probe.sample(); }, sampling);
}

}  // namespace hylo::kernels
