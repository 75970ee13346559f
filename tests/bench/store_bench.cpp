// What the store costs per request, and to open.
#include <benchmark/benchmark.h>

#include <string>

#include "reports/store/export.h"
#include "reports/store/store.h"
#include "tests/support/test_data.h"

namespace hylo::reports {
namespace {

constexpr int64_t num_documents = 10'000;
constexpr int64_t requests_per_document = 4;
constexpr int64_t batch = 64;

// A hellaswag-like document: one context of 400 bytes and 100 tokens, four continuations.
DocumentOutput document(int64_t ordinal) {
  DocumentOutput result{.ordinal = ordinal, .index = ordinal, .seconds = 0.1};
  std::string context = std::to_string(ordinal) + " " + std::string(400, 'x');
  std::vector<int32_t> ids(100, static_cast<int32_t>(ordinal));
  for (int64_t request = 0; request < requests_per_document; ++request) {
    result.requests.push_back({.request = request,
                               .context = context,
                               .continuation = std::string(60, 'y'),
                               .context_ids = ids,
                               .token_ids = std::vector<int32_t>(15, 7),
                               .log_likelihood = -0.37 * static_cast<double>(ordinal),
                               .is_greedy = false,
                               .num_tokens = 15});
  }
  result.scores = {{.metric = "acc", .value = 1}, {.metric = "acc_norm", .value = 0}};
  return result;
}

std::vector<std::vector<DocumentOutput>> batches() {
  std::vector<std::vector<DocumentOutput>> all;
  for (int64_t ordinal = 0; ordinal < num_documents; ++ordinal) {
    if (ordinal % batch == 0) all.emplace_back();
    all.back().push_back(document(ordinal));
  }
  return all;
}

RunHandle begin(Store& store) {
  const CellDescription cell{.task = "hellaswag",
                             .num_documents = num_documents,
                             .metrics = {{.name = "acc"}, {.name = "acc_norm"}}};
  return store.begin({.key = "key"}, std::vector{cell});
}

void save_all(Store& store) {
  static const auto all = batches();
  auto run = begin(store);
  for (const auto& documents : all) store.save(run, documents);
  store.finish(run);
}

void save_requests(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    const hylo::tests::TemporaryFolder folder;
    auto store = Store::open(folder / "s.db");
    state.ResumeTiming();
    save_all(store);
  }
  state.counters["per_request"] = benchmark::Counter(
      num_documents * requests_per_document,
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(save_requests)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(3);

void create_and_begin(benchmark::State& state) {
  for (auto _ : state) {
    const hylo::tests::TemporaryFolder folder;
    auto store = Store::open(folder / "s.db");
    benchmark::DoNotOptimize(begin(store));
  }
}
BENCHMARK(create_and_begin)->Unit(benchmark::kMillisecond)->UseRealTime();

void open_and_resume(benchmark::State& state) {
  const hylo::tests::TemporaryFolder folder;
  {
    auto store = Store::open(folder / "s.db");
    save_all(store);
    (void)begin(store);
  }
  for (auto _ : state) {
    auto store = Store::open(folder / "s.db");
    benchmark::DoNotOptimize(begin(store));
  }
}
BENCHMARK(open_and_resume)->Unit(benchmark::kMillisecond)->UseRealTime();

void export_and_aggregate(benchmark::State& state) {
  const hylo::tests::TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  save_all(store);
  for (auto _ : state) {
    std::ostringstream out;
    export_samples(store, 1, {.text = true, .ids = true}, out);
    benchmark::DoNotOptimize(store.aggregates(1));
  }
}
BENCHMARK(export_and_aggregate)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(3);

}  // namespace
}  // namespace hylo::reports

BENCHMARK_MAIN();
