// What somebody who has just cloned runs first.
#include <gmock/gmock.h>

#include <filesystem>

#include "harness/base/files.h"
#include "harness/base/json.h"
#include "tests/support/child_process.h"
#include "tests/support/test_data.h"

namespace hylo::tests {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

/// The demo of this checkout with a build folder of its own.
class Demo : public testing::Test {
 protected:
  Demo() {
    for (const auto* name : {"tests", "harness", "models"}) {
      fs::create_directory_symlink(fixture("../..") / name, root_ / name);
    }
    fs::create_directory(root_ / "build");
  }
  /// With a training of a few steps in the place of two minutes.
  ChildResult run() {
    auto recipe = read_json_file(shipped_file("models/recipes/stories-demo.json"));
    recipe["data"][0].update({{"documents", 12}, {"max_tokens", 40}});
    recipe["held_out"]["share"] = 0.3;
    for (auto& stage : recipe["stages"]) {
      stage.update({{"steps", 2}, {"tokens_per_step", 512}, {"tokens_per_pass", 512}});
      stage["schedule"]["warmup_steps"] = 1;
    }
    const auto file = root_ / "recipe.json";
    write_text_file(file, recipe.dump());
    return run_child({"/bin/bash", root_ / "harness/setup/demo.sh", HYLO_PROGRAM, file},
                     {.environment = {{"HYLO_ROOT", root_.path()}}});
  }
  TemporaryFolder root_;
};

TEST_F(Demo, EvaluatesWritesAndSaysHowToGoOnWhateverAnEarlierOneLeft) {
  fs::create_directories(root_ / "build/demo");
  write_text_file(root_ / "build/demo/hylo.db", "half of a store");
  const auto result = run();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("292 of 292 documents"), HasSubstr("story_perplexity"),
                    HasSubstr("there was a little girl"), HasSubstr("built     niah_single_1@512"),
                    HasSubstr("left out  vt@512"), HasSubstr("held-out perplexity"),
                    HasSubstr("harness/hylo distill --recipe"), HasSubstr("ruler@512"),
                    HasSubstr("$ harness/hylo eval --model tests/fixtures/stories260k"),
                    HasSubstr("harness/hylo eval --model ~/my-model")));
  EXPECT_TRUE(fs::exists(root_ / "build/demo/hylo.db"));
}

}  // namespace
}  // namespace hylo::tests
