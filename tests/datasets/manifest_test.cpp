#include "datasets/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/files.h"
#include "harness/base/json.h"
#include "tests/support/test_data.h"

namespace hylo::datasets {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using tests::error_of;

Json animals() {
  return {{"name", "animals"},
          {"source", "here"},
          {"licence", "MIT"},
          {"attribution", "nobody"},
          {"place", "data_root"},
          {"fields", {{"name", "text"}}},
          {"files",
           {{{"path", "animals.jsonl"},
             {"split", "test"},
             {"format", "json_lines"},
             {"bytes", 12},
             {"sha256", std::string(64, 'a')}}}}};
}

Manifest read(const Json& json) {
  const tests::TemporaryFolder folder;
  write_text_file(folder / "animals.json", json.dump());
  return read_manifest(folder / "animals.json");
}

TEST(Manifest, IsReadWithItsFiles) {
  const auto manifest = read(animals());
  EXPECT_EQ(manifest.name, "animals");
  EXPECT_EQ(manifest.place, Place::DataRoot);
  EXPECT_EQ(manifest.files_of("test").at(0).path, "animals.jsonl");
  EXPECT_EQ(manifest.files_of("test").at(0).sha256, std::string(64, 'a'));
}

TEST(Manifest, AMisspeltKeyIsAnErrorWithItsPath) {
  auto json = animals();
  json["files"][0]["formt"] = "json_lines";
  EXPECT_THAT(error_of([&] { read(json); }), HasSubstr("files[0].formt: unknown key"));
}

TEST(Manifest, AnUnknownFormatNamesTheKnownOnes) {
  auto json = animals();
  json["files"][0]["format"] = "parquet";
  EXPECT_THAT(error_of([&] { read(json); }),
              AllOf(HasSubstr("files[0].format"), HasSubstr("json_lines"), HasSubstr("'parquet'")));
}

TEST(Manifest, AFieldHasATypeAndAnUnknownOneNamesTheKnown) {
  auto json = animals();
  EXPECT_EQ(read(json).fields.at(0).name, "name");
  json["fields"]["legs"] = "text_or_number";
  EXPECT_EQ(read(json).fields.at(0).type, FieldType::TextOrNumber);
  json["fields"]["legs"] = "string";
  EXPECT_THAT(error_of([&] { read(json); }),
              AllOf(HasSubstr("fields.legs: expected one of text,"), HasSubstr("'string'")));
}

TEST(Manifest, AHashIsNullWhereNobodyKnowsItAndNeverLeftOut) {
  auto json = animals();
  json["files"][0]["sha256"] = nullptr;
  EXPECT_EQ(read(json).files_of("test").at(0).sha256, std::nullopt);
  json["files"][0].erase("sha256");
  EXPECT_THAT(error_of([&] { read(json); }), HasSubstr("files[0].sha256: missing"));
}

TEST(Manifest, WhatHasAHashHasASize) {
  auto json = animals();
  json["files"][0].erase("bytes");
  EXPECT_THAT(error_of([&] { read(json); }), HasSubstr("files[0].bytes: missing"));
}

TEST(Manifest, ThePlaceOnTheHubIsRead) {
  auto json = animals();
  EXPECT_FALSE(read(json).hub.has_value());
  json["hub"] = {{"repository", "zoo/animals"}, {"config", "cats"}, {"revision", nullptr}};
  json["files"][0]["hub_split"] = "validation";
  const auto manifest = read(json);
  EXPECT_EQ(manifest.hub->repository, "zoo/animals");
  EXPECT_EQ(manifest.hub->config, "cats");
  EXPECT_EQ(manifest.hub->revision, std::nullopt);
  EXPECT_EQ(manifest.files[0].hub_split, "validation");
  json["hub"]["repo"] = "x";
  EXPECT_THAT(error_of([&] { read(json); }), HasSubstr("hub.repo: unknown key"));
}

TEST(Manifest, AHashHas64LowerCaseDigits) {
  auto json = animals();
  json["files"][0]["sha256"] = "ABC";
  EXPECT_THAT(error_of([&] { read(json); }), HasSubstr("64 lower-case hexadecimal digits"));
}

TEST(Manifest, ASplitIsOneFile) {
  auto json = animals();
  json["files"].push_back(json["files"][0]);
  EXPECT_THAT(error_of([&] { read(json); }), HasSubstr("two of split 'test'"));
}

TEST(Manifest, AnotherFormMayStandInForTheFileOfASplit) {
  auto json = animals();
  json["files"].push_back(json["files"][0]);
  json["files"][1]["stands_in"] = "no hats";
  EXPECT_EQ(read(json).files_of("test").at(1).stands_in, "no hats");
  json["files"][0]["stands_in"] = "no hats either";
  EXPECT_THAT(error_of([&] { read(json); }), HasSubstr("two of split 'test'"));
  json["files"].erase(0);
  EXPECT_THAT(error_of([&] { read(json); }),
              HasSubstr("of split 'test' only one that stands in for it"));
}

TEST(Manifest, AnUnknownSplitNamesThoseThereAre) {
  const auto manifest = read(animals());
  EXPECT_THAT(error_of([&] { (void)manifest.files_of("train"); }),
              AllOf(HasSubstr("no split 'train'"), HasSubstr("test")));
}

TEST(Manifest, EveryShippedOneIsValidAndBearsTheNameOfItsFile) {
  const auto manifests = shipped_manifests();
  EXPECT_FALSE(manifests.empty());
  for (const auto& manifest : manifests) {
    EXPECT_TRUE(
        std::filesystem::exists(shipped_file("datasets/manifests/" + manifest.name + ".json")));
    EXPECT_FALSE(manifest.licence.empty());
  }
}

TEST(Manifest, AMisspeltNameSuggestsTheNearest) {
  EXPECT_THAT(error_of([] { find_manifest("helaswag"); }),
              HasSubstr("unknown; did you mean hellaswag? `hylo list datasets` shows all"));
}

TEST(Manifest, WithoutADataRootTheErrorNamesTheOption) {
  const auto manifest = read(animals());
  EXPECT_THAT(error_of([&] { (void)location_of(manifest, manifest.files[0], ""); }),
              AllOf(HasSubstr("--data"), HasSubstr("HYLO_DATA")));
}

}  // namespace
}  // namespace hylo::datasets
