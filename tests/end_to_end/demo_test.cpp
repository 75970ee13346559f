// What somebody who has just cloned runs first.
#include <gmock/gmock.h>

#include <filesystem>

#include "harness/base/files.h"
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
    for (const auto* name : {"tests", "harness"}) {
      fs::create_directory_symlink(fixture("../..") / name, root_ / name);
    }
    fs::create_directory(root_ / "build");
  }
  ChildResult run() {
    return run_child({"/bin/bash", root_ / "harness/setup/demo.sh", HYLO_PROGRAM},
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
                    HasSubstr("left out  vt@512"), HasSubstr("ruler@512"),
                    HasSubstr("$ harness/hylo eval --model tests/fixtures/stories260k"),
                    HasSubstr("harness/hylo eval --model ~/my-model")));
  EXPECT_TRUE(fs::exists(root_ / "build/demo/hylo.db"));
}

}  // namespace
}  // namespace hylo::tests
