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
      .fields = {{"name"}},
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

TEST(Dataset, AFieldOfAnotherTypeIsNamedWithFileAndLineExpectedAndFound) {
  const Animals animals;
  animals.write("{\"name\": \"cow\"}\n{\"name\": 7}\n");
  EXPECT_THAT(error_of([&] { (void)animals.open({.allow_other_bytes = true}); }),
              AllOf(testing::StartsWith((animals.folder / "animals.jsonl").string() + ":2: "),
                    HasSubstr("field 'name': expected a text, found a number")));
  animals.write("{\"name\": null}\n");
  EXPECT_THAT(error_of([&] { (void)animals.open({.allow_other_bytes = true}); }),
              HasSubstr("expected a text, found null"));
}

/// The same animals in another form, which stands in for the published one.
struct AnimalsTwice : Animals {
  AnimalsTwice() {
    auto other = manifest.files[0];
    other.path = "plain.jsonl";
    other.stands_in = "no hats";
    manifest.files.push_back(other);
    write_text_file(folder / "plain.jsonl", text);
  }
  [[nodiscard]] FoundDataset found() const { return find_dataset(manifest, folder.path()); }
};

TEST(Dataset, ThePublishedFileGoesBeforeOneThatStandsIn) {
  const AnimalsTwice animals;
  EXPECT_EQ(animals.open().stand_in, "");
  EXPECT_EQ(animals.open().file.filename(), "animals.jsonl");
  animals.write("{}\n");
  EXPECT_THAT(error_of([&] { (void)animals.open(); }), HasSubstr("animals.jsonl"));
}

TEST(Dataset, WhereThePublishedFileIsAbsentTheOneThatStandsInIsReadAndTold) {
  const AnimalsTwice animals;
  std::filesystem::remove(animals.folder / "animals.jsonl");
  const auto dataset = animals.open();
  EXPECT_EQ(dataset.stand_in,
            "plain.jsonl was read in place of animals.jsonl, which is not there: no hats");
  EXPECT_TRUE(dataset.is_verified);
  EXPECT_EQ(dataset.documents.size(), 2U);
  std::filesystem::remove(animals.folder / "plain.jsonl");
  EXPECT_THAT(error_of([&] { (void)animals.open(); }), HasSubstr("animals.jsonl"));
}

TEST(Dataset, OfTwoFormsTheOneThatWasReadBeforeIsRead) {
  const AnimalsTwice animals;
  const std::string other = "{\"name\": \"hen\"}\n";
  write_text_file(animals.folder / "plain.jsonl", other);
  const auto opened = [&](std::vector<std::string> before) {
    return animals.open({.allow_other_bytes = true, .as_before = std::move(before)});
  };
  const auto dataset = opened({"", sha256_hex(other)});
  EXPECT_EQ(dataset.sha256, sha256_hex(other));
  EXPECT_EQ(dataset.stand_in, "plain.jsonl was read in place of animals.jsonl: no hats");
  EXPECT_EQ(opened({animals.open().sha256, sha256_hex(other)}).file.filename(), "animals.jsonl");
  EXPECT_EQ(opened({"ab"}).file.filename(), "animals.jsonl");
  EXPECT_EQ(opened({}).file.filename(), "animals.jsonl");
}

TEST(FindDatasets, ASplitIsFoundByEitherOfItsForms) {
  const AnimalsTwice animals;
  EXPECT_EQ(animals.found().state_of("test"), FileState::Found);
  EXPECT_EQ(animals.found().stand_in_of("test"), nullptr);
  std::filesystem::remove(animals.folder / "animals.jsonl");
  EXPECT_TRUE(animals.found().is_complete());
  const auto without = animals.found();
  EXPECT_EQ(without.stand_in_of("test")->path, "plain.jsonl");
  std::filesystem::remove(animals.folder / "plain.jsonl");
  EXPECT_EQ(animals.found().state_of("test"), FileState::Missing);
  EXPECT_FALSE(animals.found().is_complete());
  animals.write("{}\n");
  EXPECT_EQ(animals.found().state_of("test"), FileState::OtherSize);
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

TEST(Dataset, ASplitOfSeveralTextsIsReadInTheirOrder) {
  Animals books;
  books.manifest.fields = {{"text"}};
  books.manifest.files = {};
  for (const std::string name : {"b.txt", "a.txt"}) {
    write_text_file(books.folder / name, "This is " + name);
    books.manifest.files.push_back({.path = name,
                                    .split = "test",
                                    .format = Format::WholeText,
                                    .bytes = 13,
                                    .sha256 = sha256_hex("This is " + name)});
  }
  const auto dataset = books.open();
  ASSERT_EQ(dataset.documents.size(), 2U);
  EXPECT_EQ(dataset.documents[1].index, 1);
  EXPECT_EQ(dataset.documents[1].fields["text"], "This is a.txt");
  EXPECT_TRUE(dataset.is_verified);
  write_text_file(books.folder / "a.txt", "This is A.txt");
  EXPECT_THAT(error_of([&] { (void)books.open(); }), HasSubstr("a.txt"));
  EXPECT_NE(books.open({.allow_other_bytes = true}).sha256, dataset.sha256);
}

TEST(Texts, AreADocumentEachWithNameAndHash) {
  const tests::TemporaryFolder folder;
  write_text_file(folder / "a.txt", "Tom ran.");
  write_text_file(folder / "b.txt", "Lily sat.");
  const std::vector files{folder / "a.txt", folder / "b.txt"};
  const auto dataset = open_texts(files, "story");
  ASSERT_EQ(dataset.documents.size(), 2U);
  const Json expected{
      {"file", "b.txt"}, {"sha256", sha256_hex("Lily sat.")}, {"story", "Lily sat."}};
  EXPECT_EQ(dataset.documents[1].fields, expected);
  EXPECT_EQ(dataset.documents[1].index, 1);
  EXPECT_EQ(dataset.name, "text");
  EXPECT_EQ(dataset.sha256,
            sha256_hex(sha256_hex("Tom ran.") + "\n" + sha256_hex("Lily sat.") + "\n"));
}

TEST(Texts, MissingRepeatedEmptyAndBrokenOnesAreErrors) {
  const tests::TemporaryFolder folder;
  write_text_file(folder / "a.txt", "Tom ran.");
  write_text_file(folder / "empty.txt", "");
  write_text_file(folder / "latin.txt", "caf\xe9");
  const auto error = [&](std::vector<std::filesystem::path> files) {
    return error_of([&] { (void)open_texts(files, "text"); });
  };
  EXPECT_THAT(error({folder / "no.txt"}), AllOf(HasSubstr("no.txt"), HasSubstr("found none")));
  EXPECT_THAT(error({folder.path()}), HasSubstr("expected a file of plain text"));
  EXPECT_THAT(error({folder / "a.txt", folder.path() / "." / "a.txt"}), HasSubstr("named twice"));
  EXPECT_THAT(error({folder / "empty.txt"}), HasSubstr("expected a text"));
  EXPECT_THAT(error({folder / "latin.txt"}), AllOf(HasSubstr("latin.txt:1"), HasSubstr("UTF-8")));
}

}  // namespace
}  // namespace hylo::datasets
