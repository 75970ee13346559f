// Evaluations while hylo distill trains: what they leave in the store, and that they change
// nothing.
#include <filesystem>

#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "reports/store/check.h"
#include "reports/store/store.h"
#include "reports/store/training_history.h"
#include "tests/harness/cli/program.h"
#include "tests/harness/cli/small_recipe.h"

namespace hylo::tests {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string model = fixture("stories260k").string();

class TrainingEvaluation : public testing::Test {
 protected:
  /// The words of `hylo distill` into a folder of this name.
  std::vector<std::string> distill(const OrderedJson& recipe, const std::string& name,
                                   const std::vector<std::string>& more = {}) {
    write_json_file(folder_ / (name + ".json"), recipe);
    std::vector<std::string> words{"distill",
                                   "--recipe",
                                   folder_ / (name + ".json"),
                                   "--base",
                                   model,
                                   "--out",
                                   folder_ / name,
                                   "--store",
                                   folder_ / "hylo.db",
                                   "--threads",
                                   "1",
                                   "--name",
                                   name};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  static OrderedJson asking(int64_t every) {
    auto recipe = small_recipe();
    recipe["evaluation"] = {{"tasks", {"story_openings"}}, {"every", every}, {"limit", 8}};
    return recipe;
  }
  [[nodiscard]] std::string weights_of(const std::string& name) const {
    return sha256_of_file(folder_ / name / "student" / "model.safetensors");
  }
  [[nodiscard]] reports::Store store() const {
    return reports::Store::open(folder_ / "hylo.db", {.read_only = true});
  }
  [[nodiscard]] std::vector<std::string> names_of_runs() const {
    std::vector<std::string> names;
    for (const auto& run : store().runs()) {
      EXPECT_EQ(run.state, reports::RunState::Complete) << run.description.name;
      names.push_back(run.description.name);
    }
    return names;
  }
  std::string error(const OrderedJson& recipe, const std::vector<std::string>& more = {}) {
    const auto text = error_of_hylo(distill(recipe, "bad", more));
    EXPECT_FALSE(fs::exists(folder_ / "bad" / "teacher-text")) << text;
    EXPECT_FALSE(fs::exists(folder_ / "bad" / "checkpoints")) << text;
    return text;
  }
  TemporaryFolder folder_;
};

TEST_F(TrainingEvaluation, AsksEverySoManyStepsOfAllStagesAndAtTheEndAndChangesNoWeight) {
  ASSERT_EQ(run_hylo(distill(small_recipe(), "unseen")).exit_code, 0);
  const auto seen = run_hylo(distill(asking(2), "seen"));
  ASSERT_EQ(seen.exit_code, 0) << seen.err;
  EXPECT_THAT(seen.err, AllOf(HasSubstr("step 2: acc of story_openings"), HasSubstr(" \u00b1 "),
                              HasSubstr("over 8 documents (run 1)")));
  EXPECT_THAT(names_of_runs(),
              ElementsAre("seen/step-2", "seen/step-4", "seen/step-6", "seen/step-7"));
  EXPECT_EQ(weights_of("seen"), weights_of("unseen"));
  const auto report = json_of_hylo(
      {"report", "training", "seen", "--store", folder_ / "hylo.db", "--format", "json"});
  ASSERT_EQ(report["evaluations"].size(), 4);
  const auto& row = report["evaluations"][1];
  EXPECT_EQ(row["stage_name"], "distil");
  EXPECT_EQ(row["step"], 1);
  EXPECT_EQ(row["total_step"], 4);
  EXPECT_EQ(row["task"], "story_openings");
  EXPECT_EQ(row["n"], 8);
  EXPECT_THAT(run_hylo({"report", "training", "seen", "--store", folder_ / "hylo.db"}).out,
              AllOf(HasSubstr("Evaluations"), HasSubstr("story_openings")));
  EXPECT_TRUE(reports::check(store()).empty());
}

/// The trained student, asked as a folder, answers as it did while it was in memory.
TEST_F(TrainingEvaluation, SaysOfTheLastWeightsWhatEvalSaysOfTheStudent) {
  ASSERT_EQ(run_hylo(distill(asking(100), "night")).exit_code, 0);
  const auto student =
      json_of_hylo({"eval", "--model", folder_ / "night" / "student", "--tasks", "story_openings",
                    "--limit", "8", "--threads", "1", "--store", folder_ / "hylo.db", "--json"});
  const auto run =
      json_of_hylo({"report", "night/step-7", "--store", folder_ / "hylo.db", "--format", "json"});
  EXPECT_EQ(run["results"], student["results"]);
}

TEST_F(TrainingEvaluation, TheSameCommandAsksNothingTwice) {
  const auto recipe = asking(2);
  ASSERT_EQ(run_hylo(distill(recipe, "night")).exit_code, 0);
  ASSERT_EQ(run_hylo(distill(recipe, "night")).exit_code, 0);
  EXPECT_EQ(names_of_runs().size(), 4U);
}

TEST_F(TrainingEvaluation, FlagsGoBeforeTheRecipe) {
  const auto run = run_hylo(distill(asking(2), "night",
                                    {"--eval-tasks", "story_perplexity,story_openings",
                                     "--eval-every", "5", "--eval-limit", "3"}));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(names_of_runs(), ElementsAre("night/step-5", "night/step-7"));
  EXPECT_THAT(run.err, AllOf(HasSubstr("of story_perplexity"), HasSubstr("over 3 documents")));
  ASSERT_EQ(run_hylo(distill(asking(2), "silent", {"--no-eval"})).exit_code, 0);
  EXPECT_EQ(names_of_runs().size(), 2U);
}

TEST_F(TrainingEvaluation, WhatCannotBeAskedIsAnErrorBeforeAnythingBegins) {
  const auto with_tasks = [](const std::vector<std::string>& tasks) {
    auto recipe = asking(2);
    recipe["evaluation"]["tasks"] = tasks;
    return recipe;
  };
  EXPECT_THAT(
      error(with_tasks({"story_opening"})),
      AllOf(HasSubstr("story_opening"), HasSubstr("story_openings"), HasSubstr("--no-eval")));
  EXPECT_THAT(error(with_tasks({"arc_easy"})),
              AllOf(HasSubstr("arc_easy"), HasSubstr("HYLO_DATA")));
  EXPECT_THAT(error(with_tasks({"vt@256"})),
              AllOf(HasSubstr("task 'vt@256'"), HasSubstr("--eval-sets")));
  EXPECT_THAT(error(with_tasks({"teacher_agreement"})),
              AllOf(HasSubstr("teacher_agreement"), HasSubstr("`hylo eval --teacher`")));
  EXPECT_THAT(error(with_tasks({"story_openings", "story_openings"})), HasSubstr("story_openings"));
  EXPECT_THAT(error(small_recipe(), {"--eval-every", "5"}), HasSubstr("--eval-tasks"));
  EXPECT_THAT(error(asking(-1)), HasSubstr("evaluation.every"));
}

/// The story model reads 512 tokens, these prompts are longer.
TEST_F(TrainingEvaluation, ATaskThatDoesNotFitInTheContextIsNamed) {
  ASSERT_EQ(run_hylo({"data", "build", "ruler", "--tasks", "niah_single_1", "--tokenizer", model,
                      "--lengths", "1K", "--samples", "2", "--out", folder_ / "sets"})
                .exit_code,
            0);
  auto recipe = small_recipe();
  EXPECT_THAT(
      error(recipe, {"--eval-tasks", "niah_single_1@1024", "--eval-sets", folder_ / "sets"}),
      AllOf(HasSubstr("niah_single_1@1024"), HasSubstr("512 positions"),
            HasSubstr("stage 'distil'"), HasSubstr("`hylo eval`")));
}

}  // namespace
}  // namespace hylo::tests
