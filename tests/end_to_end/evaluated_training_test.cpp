// A training that asks its student as it goes, killed and interrupted: nothing is asked twice, what
// was begun is finished, and the student is that of an undisturbed training.
#include <gmock/gmock.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <thread>

#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "reports/store/check.h"
#include "reports/store/export.h"
#include "reports/store/store.h"
#include "reports/store/training_history.h"
#include "tests/harness/cli/small_recipe.h"
#include "tests/support/child_process.h"
#include "tests/support/test_data.h"

namespace hylo::tests {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class EvaluatedTraining : public testing::Test {
 protected:
  EvaluatedTraining() {
    auto recipe = small_recipe();
    recipe["stages"][1]["checkpoint_every"] = 2;
    recipe["evaluation"] = {{"tasks", {"story_openings", "story_perplexity"}}, {"every", 5}};
    write_json_file(folder_ / "recipe.json", recipe);
  }
  /// Into OUT and OUT.db.
  [[nodiscard]] std::vector<std::string> distill(const std::string& out) const {
    return {HYLO_PROGRAM, "distill",
            "--recipe",   folder_ / "recipe.json",
            "--base",     fixture("stories260k"),
            "--out",      folder_ / out,
            "--store",    folder_ / (out + ".db"),
            "--threads",  "1",
            "--name",     "night"};
  }
  [[nodiscard]] reports::Store store(const std::string& out) const {
    return reports::Store::open(folder_ / (out + ".db"), {.read_only = true});
  }
  /// Documents of the run of this name; 0 as long as there is none.
  [[nodiscard]] int64_t num_answered(const std::string& out, const std::string& run) const {
    try {
      return store(out).find_run(run).num_finished;
    } catch (const Error&) {
      return 0;
    }
  }
  void wait_for_answers(const Child& child, const std::string& out, const std::string& run) const {
    while (num_answered(out, run) == 0 && !child.has_ended()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  void expect_undisturbed(const std::string& out) const {
    const auto whole = run_child(distill("whole"));
    ASSERT_EQ(whole.exit_code, 0) << whole.err;
    const auto weights = [&](const std::string& name) {
      return sha256_of_file(folder_ / name / "student" / "model.safetensors");
    };
    EXPECT_EQ(weights(out), weights("whole"));
    const auto there = store(out);
    EXPECT_EQ(there.runs().size(), 2U);
    EXPECT_EQ(reports::training_evaluations(there, 1).size(), 2U);
    for (const auto* run : {"night/step-5", "night/step-7"}) {
      EXPECT_EQ(there.find_run(run).state, reports::RunState::Complete) << run;
      EXPECT_EQ(exported(out, run), exported("whole", run)) << run;
    }
    EXPECT_TRUE(reports::check(there).empty());
  }
  [[nodiscard]] std::string exported(const std::string& out, const std::string& run) const {
    const auto there = store(out);
    std::ostringstream samples;
    reports::export_samples(there, there.find_run(run).id, {.text = true, .ids = true}, samples);
    return samples.str();
  }
  TemporaryFolder folder_;
};

TEST_F(EvaluatedTraining, KilledWhileItAsksItTrainsTheStepsAgainAndAsksTheRest) {
  {
    Child child(distill("killed"));
    wait_for_answers(child, "killed", "night/step-5");
    child.send(SIGKILL);
    EXPECT_EQ(child.wait().exit_code, 128 + SIGKILL);
  }
  const auto before = num_answered("killed", "night/step-5");
  EXPECT_GT(before, 0);
  const auto resumed = run_child(distill("killed"));
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_THAT(resumed.err, HasSubstr("goes on from step"));
  expect_undisturbed("killed");
}

/// In the middle and behind the last step of all.
TEST_F(EvaluatedTraining, InterruptedWhileItAsksItGoesOnWithTheSameWeights) {
  for (const auto* run : {"night/step-5", "night/step-7"}) {
    Child child(distill("stopped"));
    wait_for_answers(child, "stopped", run);
    child.send(SIGINT);
    const auto interrupted = child.wait();
    EXPECT_EQ(interrupted.exit_code, 130) << interrupted.err;
    EXPECT_THAT(interrupted.err, HasSubstr("the evaluation goes on with the training"));
    const auto there = store("stopped").find_run(run);
    EXPECT_EQ(there.state, reports::RunState::Incomplete);
    EXPECT_LT(there.num_finished, there.num_documents);
  }
  const auto resumed = run_child(distill("stopped"));
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  expect_undisturbed("stopped");
}

}  // namespace
}  // namespace hylo::tests
