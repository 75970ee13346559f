// What a training writes down, and what it refuses to go on from.
#include "models/distill/training_checkpoint.h"

#include <gmock/gmock.h>

#include <fstream>

#include "harness/base/json.h"
#include "tests/models/hybrids.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::error_of;
using hylo::tests::TemporaryFolder;
using ::testing::HasSubstr;

std::filesystem::path written(const TemporaryFolder& folder) {
  const auto config = tests::config_of({{tests::attention, tests::dense}});
  return TrainingCheckpoints(folder.path())
      .write({.place = {1, 2}, .plan = {{"seed", 3}}}, config,
             random_weights(config, NumberType::Float32, 1), {});
}

TEST(TrainingCheckpoint, IsReadBackWithTheHashOfItsWeights) {
  const TemporaryFolder folder;
  const auto checkpoint = written(folder);
  EXPECT_EQ(TrainingCheckpoints::read(checkpoint).place, (TrainingPlace{1, 2}));
  EXPECT_EQ(read_json_file(checkpoint / "training.json").at("weights_sha256"),
            hash_weights(open_checkpoint(checkpoint)));
}

TEST(TrainingCheckpoint, RemovesWhatAKilledTrainingLeftHalfWritten) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "stage-0001-step-000000000007.part");
  const auto checkpoint = written(folder);
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    found.push_back(entry.path());
  }
  EXPECT_THAT(found, ::testing::ElementsAre(checkpoint));
}

TEST(TrainingCheckpoint, WhoseWeightsAreNotThoseThatWereWrittenIsRefused) {
  const TemporaryFolder folder;
  const auto checkpoint = written(folder);
  {
    std::fstream weights(checkpoint / "model.safetensors",
                         std::ios::in | std::ios::out | std::ios::binary);
    weights.seekp(-1, std::ios::end);
    weights.put('\x11');
  }
  EXPECT_THAT(error_of([&] { (void)TrainingCheckpoints::read(checkpoint); }),
              HasSubstr("the weights are not those that the training wrote"));
}

}  // namespace
}  // namespace hylo::models
