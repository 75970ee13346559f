// What the harness itself costs, the store included: whole data sets (HYLO_DATA) answered by the
// scripted system. The fixed part is
// a run of one document, data and store opened.
//
//   HYLO_DATA=... build/release/tests/harness_bench
#include <fmt/core.h>

#include <algorithm>
#include <vector>

#include "harness/base/clock.h"
#include "harness/base/files.h"
#include "harness/runner/plan.h"
#include "harness/runner/run_record.h"
#include "harness/runner/runner.h"
#include "harness/system/scripted_system.h"
#include "reports/store/store.h"
#include "tests/bench/targets.h"
#include "tests/support/test_data.h"

namespace {

using namespace hylo;

constexpr int num_repeats = 7;

struct Cost {
  double seconds = 0;
  int64_t num_requests = 0;
};

Cost run_once(const std::string& task, std::optional<int64_t> limit) {
  const tests::TemporaryFolder folder;
  const Stopwatch watch;
  harness::PlanOptions options{
      .tasks = {task}, .data_root = environment("HYLO_DATA"), .prompts = {}, .document_ids = {}};
  options.prompts.limit = limit;
  const auto tasks = harness::plan_tasks(options);
  harness::CrcSystem system;
  const auto plan = harness::make_plan(tasks, system);
  auto store = reports::Store::open(folder / "store.db");
  const auto cells = harness::describe_cells(tasks);
  auto run = store.begin(harness::describe_run(cells, system, {}), cells);
  harness::run_plan(tasks, plan, system, store, run);
  return {watch.seconds(), plan.num_requests};
}

Cost median(const std::string& task, std::optional<int64_t> limit) {
  std::vector<Cost> costs;
  for (int i = 0; i < num_repeats; ++i) costs.push_back(run_once(task, limit));
  std::ranges::sort(costs, {}, &Cost::seconds);
  return costs[costs.size() / 2];
}

}  // namespace

int main() {
  fmt::print("medians of {}\n", num_repeats);
  bench::Targets targets;
  for (const auto* task : {"hellaswag", "arc_easy", "piqa", "gsm8k"}) {
    const Cost fixed = median(task, 1);
    const Cost whole = median(task, std::nullopt);
    const double each = (whole.seconds - fixed.seconds) / static_cast<double>(whole.num_requests);
    fmt::print("{:<10} fixed {:.3f} s, {:>6} requests in {:.3f} s: {:.1f} microseconds a request\n",
               task, fixed.seconds, whole.num_requests, whole.seconds, each * 1e6);
    targets.at_most("fixed, seconds", 0.5, fixed.seconds);
    targets.at_most("a request, microseconds", 100, each * 1e6);
  }
  return targets.exit_code();
}
