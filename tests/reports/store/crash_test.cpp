// Processes that are killed, and two that want one run.
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "harness/base/random.h"
#include "reports/store/check.h"
#include "reports/store/run_lock.h"
#include "tests/reports/store/child_process.h"
#include "tests/reports/store/sample_run.h"
#include "tests/support/test_data.h"

namespace hylo::reports {
namespace {

using hylo::tests::error_of;
using hylo::tests::TemporaryFolder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using tests::ChildProcess;
using tests::choice_cell;
using tests::choice_document;
using tests::exported;
using tests::sample_description;

constexpr int64_t batch = 5;
constexpr int64_t num_documents = 40 * batch;

// Saves what is missing, batch by batch, as a runner would.
void evaluate(const std::filesystem::path& file) {
  auto store = Store::open(file);
  auto run =
      store.begin(sample_description("key", "night"), std::vector{choice_cell(num_documents)});
  if (run.is_complete()) return;
  const auto there = store.finished_documents(run.id(), 0);
  for (int64_t first = 0; first < num_documents; first += batch) {
    if (std::ranges::binary_search(there, first)) continue;
    store.save(run, tests::choice_documents(first, first + batch));
  }
  store.finish(run);
}

void expect_whole_batches(const Store& store) {
  const auto there = store.finished_documents(store.find_run("latest").id, 0);
  ASSERT_EQ(there.size() % batch, 0U);
  for (size_t i = 0; i < there.size(); ++i) EXPECT_EQ(there[i], static_cast<int64_t>(i));
}

// Kills one evaluation again and again, each time resumed, until one comes to its end.
int kill_until_complete(const std::filesystem::path& file, uint64_t seed) {
  CounterRandom random(seed);
  int kills = 0;
  for (bool complete = false; !complete; ++kills) {
    ChildProcess child([&] { evaluate(file); });
    ::usleep(static_cast<useconds_t>(random.below(15'000)));
    complete = child.kill_and_wait() == 0;
    if (!std::filesystem::exists(file)) continue;
    const auto store = Store::open(file);
    if (!store.runs().empty()) expect_whole_batches(store);
  }
  return kills;
}

TEST(Crash, KilledAtRandomAndResumedTheExportIsThatOfAnUndisturbedRun) {
  const TemporaryFolder folder;
  evaluate(folder / "undisturbed.db");
  const auto undisturbed = Store::open(folder / "undisturbed.db");
  int kills = 0;
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const auto file = folder / std::to_string(seed);
    kills += kill_until_complete(file, seed);
    const auto store = Store::open(file);
    ASSERT_EQ(store.find_run("night").state, RunState::Complete);
    EXPECT_THAT(check(store), IsEmpty());
    EXPECT_EQ(exported(store, 1, {.text = true, .ids = true}),
              exported(undisturbed, 1, {.text = true, .ids = true}));
    EXPECT_EQ(store.stored_aggregates(1)[0].aggregate.value,
              undisturbed.stored_aggregates(1)[0].aggregate.value);
  }
  EXPECT_GE(kills, 10);
}

TEST(Crash, ARunOfALivingProcessIsNotTaken) {
  const TemporaryFolder folder;
  const std::vector cells{choice_cell(4)};
  auto store = Store::open(folder / "s.db");
  const auto run = store.begin(sample_description(), cells);
  ChildProcess child([&] {
    auto second = Store::open(folder / "s.db");
    const auto text = error_of([&] { second.begin(sample_description(), cells); });
    const auto expected = fmt::format("process {} on ", ::getppid());
    require(text.find(expected) != std::string::npos, "{}: expected {}", text, expected);
    // A run of another name is none of that process's business.
    (void)second.begin(sample_description("key", "mine"), cells);
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(store.find_run("mine").id, 2);
  store.save(run, std::vector{choice_document(0)});
}

TEST(Crash, ARunOfAKilledProcessIsFree) {
  const TemporaryFolder folder;
  const std::vector cells{choice_cell(4)};
  std::array<int, 2> pipe_ends{};
  ASSERT_EQ(::pipe(pipe_ends.data()), 0);
  ChildProcess child([&] {
    auto store = Store::open(folder / "s.db");
    const auto run = store.begin(sample_description(), cells);
    require(::write(pipe_ends[1], "x", 1) == 1, "no pipe");
    ::pause();
  });
  char begun = 0;
  ASSERT_EQ(::read(pipe_ends[0], &begun, 1), 1);
  auto store = Store::open(folder / "s.db");
  EXPECT_THAT(error_of([&] { store.begin(sample_description(), cells); }),
              HasSubstr("has been working on run 1"));
  child.kill_and_wait();
  EXPECT_TRUE(store.begin(sample_description(), cells).is_resumed());
}

TEST(Crash, TwoHandlesOfOneProcessAreTwoWorkers) {
  const TemporaryFolder folder;
  const std::vector cells{choice_cell(4)};
  auto store = Store::open(folder / "s.db");
  auto run = std::optional(store.begin(sample_description(), cells));
  EXPECT_THAT(error_of([&] { store.begin(sample_description(), cells); }),
              HasSubstr("wait for it"));
  run.reset();
  EXPECT_TRUE(store.begin(sample_description(), cells).is_resumed());
}

TEST(Crash, ManyProcessesThatMakeOneStoreAllFindTheirRuns) {
  const TemporaryFolder folder;
  std::vector<std::unique_ptr<ChildProcess>> children;
  for (int i = 0; i < 6; ++i) {
    children.push_back(std::make_unique<ChildProcess>([&, i] {
      auto store = Store::open(folder / "s.db");
      tests::complete_run(store, 20, sample_description("key", "run-" + std::to_string(i)));
    }));
  }
  for (auto& child : children) EXPECT_EQ(child->wait(), 0);
  const auto store = Store::open(folder / "s.db");
  EXPECT_EQ(store.runs().size(), 6U);
  EXPECT_THAT(check(store), IsEmpty());
}

TEST(Crash, AFinishedRunLeavesItsLogEmpty) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  tests::complete_run(store, 4);
  EXPECT_EQ(std::filesystem::file_size(folder / "s.db-wal"), 0U);
}

}  // namespace
}  // namespace hylo::reports
