#include "datasets/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "tests/support/test_data.h"

namespace hylo::datasets {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using tests::error_of;

constexpr const char* text = "{\"name\": \"cat\"}\n{\"name\": \"dog\"}\n";

/// A folder with one file of two documents, and its manifest.
struct Animals {
  tests::TemporaryFolder folder;
  Manifest manifest{
      .name = "animals",
      .source = "https://animals.example",
      .licence = "MIT",
      .attribution = {},
      .notes = {},
      .fields = {"name"},
      .files = {
          {.path = "animals.jsonl", .split = "test", .bytes = 32, .sha256 = sha256_hex(text)}}};
  Animals() { write(text); }
  void write(std::string_view bytes) const { write_text_file(folder / "animals.jsonl", bytes); }
  [[nodiscard]] Dataset open(const OpenOptions& options = {}) const {
    return open_dataset(manifest, "test", folder.path(), options);
  }
};

TEST(Dataset, OpensWhenTheBytesAreThoseOfTheManifest) {
  const auto dataset = Animals().open();
  EXPECT_TRUE(dataset.is_verified);
  EXPECT_EQ(dataset.sha256, sha256_hex(text));
  EXPECT_EQ(dataset.documents[1].fields["name"], "dog");
}

TEST(Dataset, OtherBytesAreAnErrorThatSaysExpectedAndFound) {
  const Animals animals;
  const std::string other = "{\"name\": \"cow\"}\n";
  animals.write(other);
  EXPECT_THAT(error_of([&] { (void)animals.open(); }),
              AllOf(HasSubstr("animals.jsonl"), HasSubstr(sha256_hex(text)),
                    HasSubstr(sha256_hex(other)), HasSubstr("get the file")));
}

TEST(Dataset, OtherBytesMayBeAllowedAndAreRecorded) {
  const Animals animals;
  animals.write("{\"name\": \"cow\"}\n");
  const auto dataset = animals.open({.allow_other_bytes = true});
  EXPECT_FALSE(dataset.is_verified);
  EXPECT_EQ(dataset.sha256, sha256_hex("{\"name\": \"cow\"}\n"));
  EXPECT_EQ(dataset.documents.size(), 1U);
}

TEST(Dataset, WithoutAHashInTheManifestNothingIsVerified) {
  Animals animals;
  animals.manifest.files[0].sha256.reset();
  EXPECT_FALSE(animals.open().is_verified);
}

TEST(Dataset, AMissingFileSaysWhereToGetIt) {
  const Animals animals;
  std::filesystem::remove(animals.folder / "animals.jsonl");
  EXPECT_THAT(
      error_of([&] { (void)animals.open(); }),
      AllOf(HasSubstr("animals.jsonl"), HasSubstr("https://animals.example"), HasSubstr("--data")));
}

TEST(Dataset, AFieldThatTheManifestPromisesMustBeThere) {
  const Animals animals;
  animals.write("{\"name\": \"cow\"}\n{\"nam\": \"hen\"}\n");
  EXPECT_THAT(error_of([&] { (void)animals.open({.allow_other_bytes = true}); }),
              AllOf(HasSubstr("document 1"), HasSubstr("no field 'name'")));
}

TEST(FindDatasets, WithoutADataRootOnlyWhatIsShippedIsFound) {
  bool any_shipped = false;
  for (const auto& [manifest, files] : find_datasets("")) {
    const bool is_complete = FoundDataset{manifest, files}.is_complete();
    EXPECT_EQ(is_complete, manifest.place == Place::Shipped) << manifest.name;
    any_shipped = any_shipped || is_complete;
  }
  EXPECT_TRUE(any_shipped);
}

TEST(FindDatasets, AFileOfAnotherSizeIsToldApartFromAMissingOne) {
  const tests::TemporaryFolder folder;
  std::filesystem::create_directory(folder / "piqa");
  write_text_file(folder / "piqa/valid.jsonl", "{}\n");
  for (const auto& [manifest, files] : find_datasets(folder.path())) {
    if (manifest.name == "piqa") {
      EXPECT_EQ(files[0].state, FileState::OtherSize);
    }
    if (manifest.name == "gsm8k") {
      EXPECT_EQ(files[0].state, FileState::Missing);
    }
  }
}

TEST(ShippedDatasets, OpenWithoutADataRoot) {
  for (const auto& manifest : shipped_manifests()) {
    if (manifest.place != Place::Shipped) continue;
    for (const auto& file : manifest.files) {
      EXPECT_TRUE(open_dataset(manifest, file.split, "").is_verified) << manifest.name;
    }
  }
}

TEST(DatasetsGoldens, EveryManifestWhoseFilesAreThereOpensVerified) {
  const std::filesystem::path root = environment("HYLO_DATA");
  if (root.empty()) GTEST_SKIP() << tests::skip_reason("HYLO_DATA", "the data sets");
  for (const auto& [manifest, files] : find_datasets(root)) {
    for (const auto& found : files) {
      if (found.state == FileState::Missing) continue;
      const auto dataset = open_dataset(manifest, found.file.split, root);
      EXPECT_EQ(dataset.is_verified, found.file.sha256.has_value()) << manifest.name;
      EXPECT_FALSE(dataset.documents.empty()) << manifest.name;
    }
  }
}

}  // namespace
}  // namespace hylo::datasets
