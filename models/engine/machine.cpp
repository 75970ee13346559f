#include "models/engine/machine.h"

#include "harness/base/error.h"
#include "harness/base/units.h"
#include "kernels/machine/machine.h"
#include "models/weights/number_types.h"

namespace hylo::models {
namespace {

std::vector<CpuFeature> named(const kernels::CpuFeatures& f) {
  return {{"avx2", f.avx2},
          {"avx512f", f.avx512f},
          {"avx512bw", f.avx512bw},
          {"avx512_vnni", f.avx512_vnni},
          {"avx512_bf16", f.avx512_bf16},
          {"amx_tile", f.amx_tile},
          {"amx_bf16", f.amx_bf16},
          {"amx_int8", f.amx_int8}};
}

template <class Probe>
MachineFigure measured(Probe& probe, double max_seconds, const std::string& of) {
  const auto figure =
      kernels::measure([&] { return probe.sample(); }, {.max_seconds = max_seconds});
  return {.median = figure.median,
          .lower_quartile = figure.lower_quartile,
          .upper_quartile = figure.upper_quartile,
          .num_samples = figure.num_samples,
          .of = of};
}

}  // namespace

Machine describe_machine() {
  const auto machine = kernels::describe_machine();
  std::vector<MachineCache> caches;
  for (const auto& cache : machine.caches) {
    caches.push_back({cache.level, cache.bytes, cache.num_instances});
  }
  return {.cpu_name = machine.cpu_name,
          .features = named(machine.features),
          .caches = caches,
          .num_logical_cores = machine.num_logical_cores,
          .num_physical_cores = machine.num_physical_cores,
          .num_threads = machine.num_threads,
          .num_threads_that_work = kernels::num_threads_of_parallel_for(),
          .memory_bytes = machine.memory_bytes,
          .available_memory_bytes = machine.available_memory_bytes};
}

MachineFigure measure_read_bandwidth(double max_seconds) {
  const auto bytes = kernels::ReadBandwidthProbe::default_bytes(kernels::describe_machine());
  kernels::ReadBandwidthProbe probe(bytes);
  return measured(probe, max_seconds, human_bytes(bytes));
}

MachineFigure measure_product_peak(NumberType type, double max_seconds) {
  kernels::ProductPeakProbe probe(scalar_type(type));
  return measured(probe, max_seconds, probe.shape());
}

}  // namespace hylo::models
