#include "harness/base/json.h"

#include <gmock/gmock.h>

#include "harness/base/files.h"
#include "tests/support/test_data.h"

namespace hylo::tests {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(JsonText, WhatIsNotJsonIsNamedWithItsPlace) {
  EXPECT_THAT(error_of([] { parse_json("{\"a\": }", "config.json"); }),
              StartsWith("config.json: not JSON: "));
  EXPECT_THAT(error_of([] { parse_json("", "line 3"); }), StartsWith("line 3: not JSON: "));
}

TEST(JsonText, BareInfinityAndNanOfPythonAreTakenAsStrings) {
  const Json json = parse_json(R"({"a": -Infinity, "b": [Infinity, NaN], "c": 1})", "x");
  EXPECT_EQ(json["a"], "-Infinity");
  EXPECT_EQ(json["b"], (Json{"Infinity", "NaN"}));
  EXPECT_EQ(json["c"], 1);
}

TEST(JsonText, TheWordsInsideOfStringsStayAsTheyAre) {
  const Json json = parse_json(R"({"NaN \" NaN": "to \\", "b": NaN})", "x");
  EXPECT_EQ(json["NaN \" NaN"], "to \\");
  EXPECT_EQ(json["b"], "NaN");
}

TEST(JsonText, AWrittenFileReadsBackWithItsKeysInOrder) {
  const TemporaryFolder folder;
  write_json_file(folder / "a.json", OrderedJson{{"z", 1}, {"a", {1.5, "two"}}});
  EXPECT_EQ(read_text_file(folder / "a.json"),
            "{\n  \"z\": 1,\n  \"a\": [\n    1.5,\n    \"two\"\n  ]\n}\n");
  EXPECT_EQ(read_json_file(folder / "a.json")["a"][0], 1.5);
}

TEST(JsonFields, AMisspeltKeyIsRefusedWithItsPath) {
  const Json stage = {{"kl_wieght", 0.5}};
  JsonReader reader(stage, "stages[1]");
  EXPECT_EQ(reader.get_or<double>("kl_weight", 1.0), 1.0);
  EXPECT_EQ(error_of([&] { reader.done(); }), "stages[1].kl_wieght: unknown key");
}

TEST(JsonFields, KeysThatWereReadAskedForOrIgnoredAreKnown) {
  const Json json = {{"read", 1}, {"optional", nullptr}, {"ignored", "x"}};
  JsonReader reader(json, "");
  EXPECT_EQ(reader.get<int64_t>("read"), 1);
  EXPECT_EQ(reader.get_or<std::string>("optional", "default"), "default");
  reader.ignore("ignored");
  EXPECT_NO_THROW(reader.done());
}

TEST(JsonFields, AMissingKeyAndAWrongTypeAreNamed) {
  const Json json = {{"width", "wide"}, {"null", nullptr}};
  JsonReader reader(json, "config.json");
  EXPECT_EQ(error_of([&] { (void)reader.at("depth"); }), "config.json.depth: missing");
  EXPECT_EQ(error_of([&] { (void)reader.at("null"); }), "config.json.null: missing");
  EXPECT_EQ(error_of([&] { (void)reader.get<int64_t>("width"); }),
            "config.json.width: \"wide\" does not have the expected type");
  EXPECT_THAT(error_of([] { JsonReader(Json::array({1}), "list"); }),
              HasSubstr("list: expected a JSON object, found array"));
}

TEST(JsonFields, ANumberThatDoesNotFitIsRefusedAndNotBent) {
  const Json json = {{"half", 2.5}, {"whole", 2.0},       {"minus", -1}, {"truth", true},
                     {"big", 300},  {"huge", UINT64_MAX}, {"number", 3}, {"large", 1e300}};
  JsonReader reader(json, "x");
  EXPECT_THAT(error_of([&] { (void)reader.get<int64_t>("half"); }), StartsWith("x.half: 2.5"));
  EXPECT_THAT(error_of([&] { (void)reader.get<uint64_t>("minus"); }), StartsWith("x.minus: -1"));
  EXPECT_THAT(error_of([&] { (void)reader.get<int64_t>("truth"); }), StartsWith("x.truth: true"));
  EXPECT_THAT(error_of([&] { (void)reader.get<double>("truth"); }), StartsWith("x.truth: true"));
  EXPECT_THAT(error_of([&] { (void)reader.get<uint8_t>("big"); }), StartsWith("x.big: 300"));
  EXPECT_THAT(error_of([&] { (void)reader.get<int64_t>("huge"); }), StartsWith("x.huge: 1844"));
  EXPECT_THAT(error_of([&] { (void)reader.get<int64_t>("large"); }), StartsWith("x.large: 1"));
  EXPECT_THAT(error_of([&] { (void)reader.get<bool>("number"); }), StartsWith("x.number: 3"));
  EXPECT_EQ(reader.get<int64_t>("whole"), 2);
  EXPECT_EQ(reader.get<double>("number"), 3.0);
}

}  // namespace
}  // namespace hylo::tests
