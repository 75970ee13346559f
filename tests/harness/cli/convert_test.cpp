// hylo convert for longer contexts: positions are stretched, weights stay.
#include <gmock/gmock.h>

#include "harness/base/json.h"
#include "models/weights/checkpoint.h"
#include "tests/harness/cli/program.h"
#include "tests/support/test_data.h"

namespace hylo::tests {
namespace {

using ::testing::HasSubstr;

TEST(Convert, StretchesPositionsByYarnAndLeavesTheWeights) {
  const TemporaryFolder folder;
  const auto as_it_is = (folder.path() / "same").string();
  const auto out = (folder.path() / "longer").string();
  const auto from = fixture("stories260k").string();
  ASSERT_EQ(run_hylo({"convert", from, as_it_is}).exit_code, 0);
  ASSERT_EQ(run_hylo({"convert", from, out, "--yarn", "16"}).exit_code, 0);
  const auto before = models::open_checkpoint(as_it_is), after = models::open_checkpoint(out);
  EXPECT_EQ(models::hash_weights(after), models::hash_weights(before));
  EXPECT_EQ(after.config.max_positions, 16 * before.config.max_positions);
  const auto rope = models::rope_of(after.config.layers.front().mixer);
  const auto* yarn = std::get_if<models::YarnScaling>(&rope.scaling);
  ASSERT_NE(yarn, nullptr);
  EXPECT_EQ(yarn->factor, 16);
  EXPECT_EQ(yarn->original_length, before.config.max_positions);
}

TEST(Convert, RefusesAFactorThatStretchesNothing) {
  const TemporaryFolder folder;
  for (const auto* factor : {"1", "0.5", "nan", "inf"}) {
    const auto out = (folder.path() / "out").string();
    const auto result =
        run_hylo({"convert", fixture("stories260k").string(), out, "--yarn", factor});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr("expected a number above 1"));
  }
}

TEST(Convert, DoesNotStretchWhatIsStretchedAlready) {
  const TemporaryFolder folder;
  const auto once = (folder.path() / "once").string(), twice = (folder.path() / "twice").string();
  ASSERT_EQ(run_hylo({"convert", fixture("stories260k").string(), once, "--yarn", "2"}).exit_code,
            0);
  const auto result = run_hylo({"convert", once, twice, "--yarn", "2"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("scaled already"));
  EXPECT_FALSE(std::filesystem::exists(twice));
}

}  // namespace
}  // namespace hylo::tests
