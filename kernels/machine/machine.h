// What this machine is and what it can do: the figures that every claim of speed is held against.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace hylo::kernels {

/// Instruction sets that the processor has and the operating system lets programs use. The bits of
/// AMX say nothing of the leave that Linux grants per process; LibTorch asks for it.
struct CpuFeatures {
  bool avx2 = false;
  bool avx512f = false;
  bool avx512bw = false;
  bool avx512_vnni = false;
  bool avx512_bf16 = false;
  bool amx_tile = false;
  bool amx_bf16 = false;
  bool amx_int8 = false;
};

/// The data or unified caches of one level.
struct CacheLevel {
  int64_t level = 0;          ///< 1 is the nearest
  int64_t bytes = 0;          ///< of one of them
  int64_t num_instances = 0;  ///< in the whole machine
};

struct MachineDescription {
  std::string cpu_name;
  CpuFeatures features;
  std::vector<CacheLevel> caches;  ///< by level; empty where Linux does not tell
  int64_t num_logical_cores = 0;
  int64_t num_physical_cores = 0;
  int64_t num_threads = 0;  ///< of at::parallel_for
  int64_t memory_bytes = 0;
  int64_t available_memory_bytes = 0;

  /// All caches of the last level together; 0 where Linux does not tell.
  [[nodiscard]] int64_t last_level_cache_bytes() const;
};

/// Reads cpuid, /proc and /sys.
MachineDescription describe_machine();

/// How many threads at::parallel_for runs on when it has work for all; at::get_num_threads() unless
/// the library was compiled without OpenMP.
int64_t num_threads_of_parallel_for();

/// Samples in short; quartiles by linear interpolation.
struct Measured {
  double median = 0;
  double lower_quartile = 0;
  double upper_quartile = 0;
  int64_t num_samples = 0;
};

/// Throws Error when there are no samples.
Measured summarize(std::vector<double> samples);

struct Sampling {
  int64_t num_samples = 15;
  double max_seconds = 10;  ///< no further sample is begun after this time; one is always taken
};

/// Calls `sample` as often as `sampling` says.
Measured measure(const std::function<double()>& sample, const Sampling& sampling);

/// Reads a block of memory on all threads; made once, sampled as often as one likes, so that a
/// benchmark can put a sample beside each of its own.
class ReadBandwidthProbe {
 public:
  /// The block that no cache can hide: max(4 x last-level cache, 2 GiB).
  static int64_t default_bytes(const MachineDescription& machine);

  /// Allocates and fills `bytes` (rounded up to 4 KiB). Throws Error when that is more than the
  /// memory that is available.
  explicit ReadBandwidthProbe(int64_t bytes);

  /// Reads the block once: bytes per second.
  double sample();

 private:
  at::Tensor block_;
};

/// Multiplies matrices of one floating type on all threads. The shape is the one that was fastest,
/// when the probe was made, of a fixed list: square ones and the products of a decoder layer, with
/// the second factor plain and transposed.
class ProductPeakProbe {
 public:
  explicit ProductPeakProbe(at::ScalarType dtype);

  /// One product: floating-point operations per second, 2 for each multiplication and addition.
  double sample();

  [[nodiscard]] const std::string& shape() const {
    return shape_;
  }  ///< such as "2048 x 2048 x 2048"

 private:
  at::Tensor left_;
  at::Tensor right_;
  std::string shape_;
};

/// Bytes per second over ReadBandwidthProbe::default_bytes.
Measured measure_read_bandwidth(const Sampling& sampling = {});

/// Floating-point operations per second.
Measured measure_product_peak(at::ScalarType dtype, const Sampling& sampling = {});

}  // namespace hylo::kernels
