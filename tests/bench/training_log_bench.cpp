// What a training run costs the store per step, and a report on it.
#include <benchmark/benchmark.h>

#include "reports/render/draw.h"
#include "reports/render/training_report.h"
#include "reports/store/training_history.h"
#include "tests/reports/store/sample_training.h"
#include "tests/support/test_data.h"

namespace hylo::reports {
namespace {

constexpr int64_t num_steps = 100'000;

void write_run(Store& store) {
  auto run = tests::sample_training();
  run.stages[1].num_steps = num_steps;
  auto log = TrainingLog::begin(store, run, tests::sample_host());
  tests::add_steps(log, 1, 0, num_steps);
  log.add_validation(tests::sample_validation(1, num_steps, 1.1));
  log.finish();
}

void write_steps(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    const hylo::tests::TemporaryFolder folder;
    auto store = Store::open(folder / "s.db");
    state.ResumeTiming();
    write_run(store);
  }
  state.counters["seconds_per_step"] =
      benchmark::Counter(static_cast<double>(num_steps) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(write_steps)->Unit(benchmark::kMillisecond)->UseRealTime();

void report_on_steps(benchmark::State& state) {
  const hylo::tests::TemporaryFolder folder;
  {
    auto store = Store::open(folder / "s.db");
    write_run(store);
  }
  for (auto _ : state) {
    const auto store = Store::open(folder / "s.db", {.read_only = true});
    benchmark::DoNotOptimize(
        report_as_html(training_report(store, find_training(store, "latest"))));
  }
}
BENCHMARK(report_on_steps)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace hylo::reports

BENCHMARK_MAIN();
