// Configurations of every family as the library writes them, in both dialects.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>

#include "harness/base/json.h"
#include "models/config/hf_config.h"
#include "models/config/own_config.h"
#include "models/config/write_config.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using tests::golden;
using tests::skip_reason;

std::vector<std::filesystem::path> model_folders(const std::filesystem::path& root) {
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    if (std::filesystem::exists(entry.path() / "config.json")) folders.push_back(entry.path());
  }
  std::ranges::sort(folders);
  return folders;
}

TEST(FamiliesGoldens, BothDialectsOfEveryFamilyGiveOneConfiguration) {
  const auto root = golden("hf-goldens");
  if (!root) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "hf-goldens");
  const auto folders = model_folders(*root);
  EXPECT_EQ(folders.size(), 21U);
  for (const auto& folder : folders) {
    SCOPED_TRACE(folder);
    const auto now = parse_hf_config(read_json_file(folder / "config.json"), "config.json");
    const auto before =
        parse_hf_config(read_json_file(folder / "config.legacy.json"), "config.legacy.json");
    EXPECT_EQ(now, before);
    EXPECT_EQ(write_own_config(now).dump(1), write_own_config(before).dump(1));
  }
}

TEST(FamiliesGoldens, EveryKeyOfEveryPublishedFileIsUnderstood) {
  for (const auto* name : {"hf-goldens", "lineage-goldens", "lineage-goldens/convert"}) {
    const auto root = golden(name);
    if (!root) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", name);
    for (const auto& folder : model_folders(*root)) {
      for (const auto& unknown : unknown_hf_keys(folder)) {
        ADD_FAILURE() << folder << " " << unknown.file << " " << unknown.key;
      }
      const auto legacy = folder / "config.legacy.json";
      if (!std::filesystem::exists(legacy)) continue;
      EXPECT_THAT(unknown_hf_keys(read_json_file(legacy), "legacy"), ::testing::IsEmpty())
          << folder;
    }
  }
}

TEST(FamiliesGoldens, EveryConfigurationIsWrittenInTheOwnFormatAndReadBack) {
  for (const auto* name : {"hf-goldens", "lineage-goldens", "lineage-goldens/convert"}) {
    const auto root = golden(name);
    if (!root) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", name);
    for (const auto& folder : model_folders(*root)) {
      SCOPED_TRACE(folder);
      const auto config = read_hf_config(folder);
      const auto written = Json::parse(write_own_config(config).dump());
      EXPECT_EQ(parse_hf_config(written, "written"), config);
    }
  }
}

/// The published geometries of the upcycled families, of which only HyLo's and Zebra-Llama's
/// configuration classes are known.
TEST(FamiliesGoldens, PublishedGeometriesAreWrittenInHylosFormatAndReadBack) {
  const auto file = golden("lineage-goldens/ops/published.json");
  if (!file) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "lineage-goldens/ops/published.json");
  const tests::TemporaryFolder folder;
  for (const auto& [name, entry] : read_json_file(*file).at("parameter_counts").items()) {
    SCOPED_TRACE(name);
    write_json_file(folder / "config.json", entry.at("config"));
    write_json_file(folder / "hybrid_config.json", entry.at("hybrid_config"));
    const auto config = read_hf_config(folder.path());
    for (const auto& [written, json] : config_files(config, CheckpointFormat::Published)) {
      write_json_file(folder / written, json);
    }
    EXPECT_EQ(read_hf_config(folder.path()), config);
  }
}

}  // namespace
}  // namespace hylo::models
