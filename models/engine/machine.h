// The machine's figures, handed up to those who may not know kernels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/config/model_config.h"

namespace hylo::models {

struct CpuFeature {
  std::string name;  ///< "avx512_bf16"
  bool is_there = false;
};
/// The data or unified caches of one level.
struct MachineCache {
  int64_t level = 0;          ///< 1 is the nearest
  int64_t bytes = 0;          ///< of one of them
  int64_t num_instances = 0;  ///< in the whole machine
};

struct Machine {
  std::string cpu_name;
  std::vector<CpuFeature> features;  ///< that kernels make use of
  std::vector<MachineCache> caches;  ///< by level; empty where the system does not tell
  int64_t num_logical_cores = 0;
  int64_t num_physical_cores = 0;
  int64_t num_threads = 0;            ///< that kernels are meant to run on
  int64_t num_threads_that_work = 0;  ///< that they do run on, counted
  int64_t memory_bytes = 0;
  int64_t available_memory_bytes = 0;
};

/// Reads what the system tells and runs one small job on all threads.
Machine describe_machine();

/// Repeated measurements in short.
struct MachineFigure {
  double median = 0;
  double lower_quartile = 0;
  double upper_quartile = 0;
  int64_t num_samples = 0;
  std::string of;  ///< what was read or multiplied: "2.00 GiB", "2048 x 2048 x 2048"
};

/// Bytes per second that all threads read from memory together. Allocates a block that no cache can
/// hide, at least 2 GiB: throws Error when that is not free. Ends `max_seconds` after the block was
/// filled.
MachineFigure measure_read_bandwidth(double max_seconds);

/// Floating-point operations per second of matrix products in this type, on all threads.
MachineFigure measure_product_peak(NumberType type, double max_seconds);

}  // namespace hylo::models
