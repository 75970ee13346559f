// Checkpoints of every family, with the names and shapes of the published ones: opened, written and
// opened again.
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include <algorithm>

#include "harness/base/json.h"
#include "models/config/hf_config.h"
#include "models/config/write_config.h"
#include "models/weights/checkpoint.h"
#include "models/weights/safetensors.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using tests::golden;
using tests::skip_reason;

std::vector<std::filesystem::path> checkpoints(const std::filesystem::path& root) {
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    const bool one = std::filesystem::exists(entry.path() / "model.safetensors");
    if (one || std::filesystem::exists(entry.path() / "model.safetensors.index.json")) {
      folders.push_back(entry.path());
    }
  }
  std::ranges::sort(folders);
  return folders;
}

void expect_same_bits(const ModelConfig& config, const ModelWeights& a, const ModelWeights& b) {
  std::vector<at::Tensor> left, right;
  const auto into = [](std::vector<at::Tensor>& tensors) {
    return [&](const WeightSlot&, const at::Tensor& tensor) { tensors.push_back(tensor); };
  };
  visit_weights(config, a, into(left));
  visit_weights(config, b, into(right));
  ASSERT_EQ(left.size(), right.size());
  for (size_t i = 0; i < left.size(); ++i) {
    EXPECT_EQ(left[i].scalar_type(), right[i].scalar_type()) << i;
    EXPECT_TRUE(at::equal(left[i], right[i])) << i;
  }
}

void expect_round_trip(const std::filesystem::path& folder, const WriteOptions& options) {
  const tests::TemporaryFolder copy;
  const auto opened = open_checkpoint(folder);
  write_checkpoint(copy.path(), opened.config, opened.weights, options);
  const auto again = open_checkpoint(copy.path());
  EXPECT_EQ(again.config, opened.config);
  EXPECT_EQ(again.provenance, options.provenance);
  expect_same_bits(opened.config, opened.weights, again.weights);
}

class CheckpointGoldens : public ::testing::TestWithParam<const char*> {
 protected:
  void for_each(const std::function<void(const std::filesystem::path&)>& check) const {
    const auto root = golden(GetParam());
    if (!root) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", GetParam());
    const auto folders = checkpoints(*root);
    EXPECT_FALSE(folders.empty());
    for (const auto& folder : folders) {
      SCOPED_TRACE(folder);
      check(folder);
    }
  }
};

TEST_P(CheckpointGoldens, EveryTensorHasItsPlaceAndIsAViewOfTheFile) {
  for_each([](const std::filesystem::path& folder) {
    const auto checkpoint = open_checkpoint(folder);
    const auto reference = folder / "reference.json";
    const auto json = std::filesystem::exists(reference) ? read_json_file(reference) : Json();
    if (json.contains("parameters")) {
      EXPECT_EQ(count_parameters(checkpoint.config), json.at("parameters").get<int64_t>());
    }
    int64_t bytes = 0;
    visit_weights(checkpoint.config, checkpoint.weights,
                  [&](const WeightSlot&, const at::Tensor& t) { bytes += t.nbytes(); });
    EXPECT_EQ(bytes, checkpoint.stored_bytes);  // Nothing is left over, nothing is read twice.
  });
}

TEST_P(CheckpointGoldens, WrittenInTheNaturalFormatEachIsReadBackBitByBit) {
  for_each([](const std::filesystem::path& folder) { expect_round_trip(folder, {}); });
}

TEST_P(CheckpointGoldens, WrittenInTheOwnFormatEachIsReadBackBitByBit) {
  const WriteOptions own{.format = CheckpointFormat::Own,
                         .provenance = Provenance{.teacher = "llama-3.2-1b",
                                                  .teacher_sha256 = "ab",
                                                  .recipe = "hylo",
                                                  .commit = "cd",
                                                  .seed = 42}};
  for_each([&](const std::filesystem::path& folder) { expect_round_trip(folder, own); });
}

INSTANTIATE_TEST_SUITE_P(All, CheckpointGoldens, ::testing::Values("hf-goldens", "lineage-goldens"),
                         [](const auto& info) {
                           return std::string(info.param).substr(0, 2) == "hf" ? "hf" : "lineage";
                         });

// Granite packs the experts of a layer, and gate with up, into one tensor each.
TEST(GraniteGoldens, WrittenInItsPublishedFormatEveryTensorOfTheFileIsThereAgain) {
  const auto folder = golden("hf-goldens/granite-hybrid");
  if (!folder) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "hf-goldens/granite-hybrid");
  const tests::TemporaryFolder copy;
  const auto opened = open_checkpoint(*folder);
  write_checkpoint(copy.path(), opened.config, opened.weights,
                   {.format = CheckpointFormat::Published});
  EXPECT_THAT(unknown_hf_keys(copy.path()), IsEmpty());
  const SafetensorsFile original(*folder / "model.safetensors");
  const SafetensorsFile written(copy / "model.safetensors");
  ASSERT_EQ(written.entries().size(), original.entries().size());
  for (const auto& [name, entry] : original.entries()) {
    EXPECT_EQ(written.entries().at(name).shape, entry.shape) << name;
    EXPECT_TRUE(at::equal(written.tensor(name), original.tensor(name))) << name;
  }
}

TEST(ReadingsGoldens, ThatMamba2sResidualsAreNotWideIsNotedWhereItMatters) {
  const auto folder = golden("hf-goldens/mamba2");
  if (!folder) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "hf-goldens/mamba2");
  EXPECT_THAT(open_checkpoint(*folder).notes,
              ElementsAre(HasSubstr("residual_in_fp32 is not followed: the sums of the residual "
                                    "stream are bfloat16")));
  EXPECT_THAT(open_checkpoint(*folder, {.type = NumberType::Float32}).notes, IsEmpty());
}

std::vector<std::string> notes_of(const char* name) {
  const auto folder = golden(std::string("lineage-goldens/") + name);
  return folder ? open_checkpoint(*folder).notes : std::vector<std::string>{};
}

TEST(ReadingsGoldens, WhatTheTensorsDecideIsNoted) {
  if (!golden("lineage-goldens")) {
    GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "lineage-goldens");
  }
  EXPECT_THAT(notes_of("hylo-llama-mla-gdn"),
              ElementsAre(HasSubstr("head has weights of its own")));
  EXPECT_THAT(notes_of("hylo-qwen-mla-gdn-readingA"),
              ElementsAre(HasSubstr("head has weights"), HasSubstr("reading A")));
  EXPECT_THAT(notes_of("hylo-qwen-mla-gdn-readingB"),
              ElementsAre(HasSubstr("head has weights"), HasSubstr("reading B")));
  EXPECT_THAT(notes_of("zebra-llama"), IsEmpty());
}

}  // namespace
}  // namespace hylo::models
