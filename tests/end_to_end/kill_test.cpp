// A run that is killed, interrupted or not alone: what the store holds in the end is what an
// undisturbed run would have left.
#include <gmock/gmock.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <thread>

#include "harness/base/clock.h"
#include "harness/base/random.h"
#include "reports/store/check.h"
#include "reports/store/export.h"
#include "reports/store/store.h"
#include "tests/support/child_process.h"
#include "tests/support/test_data.h"

namespace hylo::tests {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// Five batches on the story model, in the default numeric mode.
std::vector<std::string> evaluation(const fs::path& store, const std::vector<std::string>& more) {
  std::vector<std::string> argv{HYLO_PROGRAM, "eval",
                                "--model",    fixture("stories260k"),
                                "--tasks",    "story_openings,story_perplexity",
                                "--store",    store};
  argv.insert(argv.end(), more.begin(), more.end());
  return argv;
}

/// Slow enough that it is met at work.
std::vector<std::string> slow_evaluation(const fs::path& store, const std::string& name) {
  return evaluation(store, {"--numeric-mode", "exact", "--no-sharing", "--name", name});
}

reports::Store open_to_read(const fs::path& file) {
  return reports::Store::open(file, {.read_only = true});
}

std::string exported(const fs::path& file, const std::string& run = "latest") {
  const auto store = open_to_read(file);
  std::ostringstream out;
  reports::export_samples(store, store.find_run(run).id, {.text = true, .ids = true}, out);
  return out.str();
}

void expect_sound(const fs::path& file) {
  for (const auto& finding : reports::check(open_to_read(file))) {
    ADD_FAILURE() << finding.where << ": " << finding.text;
  }
}

/// Documents of the latest run that are stored; 0 while there is no store to be read.
int64_t num_stored(const fs::path& file) {
  try {
    const auto store = open_to_read(file);
    int64_t sum = 0;
    const auto run = store.find_run("latest").id;
    for (const int64_t cell : {0, 1}) {
      sum += static_cast<int64_t>(store.finished_documents(run, cell).size());
    }
    return sum;
  } catch (const Error&) {
    return 0;
  }
}

void wait_for_further_batch(const Child& child, const fs::path& file) {
  const auto before = num_stored(file);
  while (num_stored(file) == before && !child.has_ended()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

void sleep_for_seconds(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

struct Undisturbed {
  std::string samples;
  double seconds = 0;
};
Undisturbed undisturbed(const fs::path& store, const std::vector<std::string>& argv) {
  const Stopwatch watch;
  const auto result = run_child(argv);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return {exported(store), watch.seconds()};
}

class KilledRun : public testing::Test {
 protected:
  TemporaryFolder folder_;
};

// Every second kill comes at a moment between the start and the end of an undisturbed run, the
// others soon after a batch was stored. A run that completes earlier makes room for the next, in a
// store of its own.
TEST_F(KilledRun, TwentyKillsAtRandomMomentsLeaveNoTrace) {
  const auto whole = undisturbed(folder_ / "whole.db", evaluation(folder_ / "whole.db", {}));
  PythonRandom random(7);
  int num_kills = 0, num_kills_at_work = 0;
  for (int run = 0; num_kills < 20; ++run) {
    const auto file = folder_ / ("killed-" + std::to_string(run) + ".db");
    for (bool complete = false; !complete;) {
      Child child(evaluation(file, {}));
      if (num_kills % 2 == 1) wait_for_further_batch(child, file);
      if (num_kills < 20) {
        sleep_for_seconds(random.random() * whole.seconds * (num_kills % 2 == 1 ? 0.1 : 1));
        child.send(SIGKILL);
      }
      const auto result = child.wait();
      complete = result.exit_code == 0;
      if (complete) break;
      ASSERT_EQ(result.exit_code, 128 + SIGKILL) << result.err;
      ++num_kills;
      if (num_stored(file) > 0) ++num_kills_at_work;
    }
    EXPECT_EQ(exported(file), whole.samples) << "run " << run;
    expect_sound(file);
  }
  EXPECT_GE(num_kills_at_work, 5);
}

TEST_F(KilledRun, CtrlCEndsAfterTheBatchInFlightAndTheSameCommandGoesOn) {
  const auto whole = undisturbed(folder_ / "whole.db", slow_evaluation(folder_ / "whole.db", "a"));
  const auto file = folder_ / "hylo.db";
  Child child(slow_evaluation(file, "a"));
  wait_for_further_batch(child, file);
  child.send(SIGINT);
  const auto interrupted = child.wait();
  EXPECT_EQ(interrupted.exit_code, 130);
  EXPECT_THAT(interrupted.err, HasSubstr("the same command goes on where run 1 stopped"));
  EXPECT_THAT(interrupted.out, HasSubstr("of 292 documents"));
  EXPECT_GT(num_stored(file), 0);
  EXPECT_LT(num_stored(file), 292);

  const auto resumed = run_child(slow_evaluation(file, "a"));
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_THAT(resumed.err, HasSubstr("goes on with run 1, which was interrupted"));
  EXPECT_EQ(exported(file), whole.samples);
  expect_sound(file);
}

TEST_F(KilledRun, ASecondProcessOnTheSameRunIsRefusedWhileTheFirstWorks) {
  const auto file = folder_ / "hylo.db";
  Child first(slow_evaluation(file, "a"));
  wait_for_further_batch(first, file);
  first.send(SIGSTOP);
  const auto second = run_child(slow_evaluation(file, "a"));
  first.send(SIGCONT);
  EXPECT_EQ(second.exit_code, 2);
  EXPECT_THAT(second.err, HasSubstr("has been working on run 1"));
  EXPECT_EQ(first.wait().exit_code, 0);
  expect_sound(file);
}

TEST_F(KilledRun, TwoRunsAtOnceIntoOneStoreDoNotDisturbEachOther) {
  const auto file = folder_ / "hylo.db";
  Child one(evaluation(file, {"--name", "one"}));
  Child two(evaluation(file, {"--name", "two"}));
  const auto end_of_one = one.wait();
  const auto end_of_two = two.wait();
  EXPECT_EQ(end_of_one.exit_code, 0) << end_of_one.err;
  EXPECT_EQ(end_of_two.exit_code, 0) << end_of_two.err;
  EXPECT_EQ(exported(file, "one"), exported(file, "two"));
  expect_sound(file);
}

}  // namespace
}  // namespace hylo::tests
