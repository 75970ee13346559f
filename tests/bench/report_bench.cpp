// What a report of 100,000 stored documents costs, and scoring them again (needs HYLO_DATA: ten
// times HellaSwag, answered by a system without a network).
//
//   HYLO_DATA=... build/release/tests/report_bench
#include <SQLiteCpp/Database.h>
#include <fmt/core.h>

#include <algorithm>
#include <vector>

#include "harness/base/clock.h"
#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/runner/plan.h"
#include "harness/runner/rescore.h"
#include "harness/runner/run_record.h"
#include "harness/runner/runner.h"
#include "harness/system/scripted_system.h"
#include "reports/render/draw.h"
#include "reports/render/run_report.h"
#include "tests/bench/targets.h"
#include "tests/support/test_data.h"

namespace {

using namespace hylo;

constexpr int num_copies = 10;
constexpr int num_repeats = 5;

harness::PlanOptions hellaswag() {
  return {.tasks = {"hellaswag"},
          .data_root = environment("HYLO_DATA"),
          .prompts = {},
          .document_ids = {}};
}

int64_t fill(const std::filesystem::path& file) {
  std::vector<harness::PlannedTask> tasks;
  for (int i = 0; i < num_copies; ++i) {
    tasks.push_back(std::move(harness::plan_tasks(hellaswag()).front()));
  }
  harness::CrcSystem system;
  const auto plan = harness::make_plan(tasks, system);
  auto store = reports::Store::open(file);
  const auto cells = harness::describe_cells(tasks);
  auto run = store.begin(harness::describe_run(cells, system, {}), cells);
  harness::run_plan(tasks, plan, system, store, run);
  return plan.num_documents;
}

/// The file opened anew each time, as the program does.
template <class Action>
void measure(const char* what, double wanted, bench::Targets& targets, Action action) {
  std::vector<double> seconds;
  for (int i = 0; i < num_repeats; ++i) {
    const Stopwatch watch;
    action();
    seconds.push_back(watch.seconds());
  }
  std::ranges::sort(seconds);
  fmt::print("{:<10} {:.2f} s ({:.2f} to {:.2f}, {} times)\n", what, seconds[num_repeats / 2],
             seconds.front(), seconds.back(), num_repeats);
  targets.at_most(fmt::format("{}, seconds", what), wanted, seconds[num_repeats / 2]);
}

}  // namespace

int main() {
  const tests::TemporaryFolder folder;
  const auto file = folder / "hylo.db";
  fmt::print("documents  {}\n", fill(file));
  bench::Targets targets;
  measure("report", 1, targets, [&] {
    const auto store = reports::Store::open(file, {.read_only = true});
    const auto report = reports::run_report(store, store.find_run("latest"));
    require(!reports::report_as_markdown(report).empty(), "an empty report");
  });
  measure("rescore", 10, targets, [&] {
    auto store = reports::Store::open(file);
    const auto result = harness::rescore(store, store.find_run("latest"), hellaswag(), true);
    require(result.num_changed == 0, "{} scores changed", result.num_changed);
  });
  measure("rescore all changed", 10, targets, [&] {
    auto store = reports::Store::open(file);
    store.database().exec("UPDATE score SET value = 1 - value");
    const Stopwatch watch;
    const auto result = harness::rescore(store, store.find_run("latest"), hellaswag(), true);
    require(result.num_changed > 0, "no score changed");
    fmt::print("  of which scoring and storing {:.2f} s\n", watch.seconds());
  });
  return targets.exit_code();
}
