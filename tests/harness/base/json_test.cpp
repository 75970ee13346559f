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

TEST(JsonText, WhatIsNotJsonIsToldInOurWords) {
  const auto told = [](const char* text) { return error_of([&] { parse_json(text, "a.json"); }); };
  EXPECT_EQ(told(" \n"), "a.json: not JSON: it is empty");
  EXPECT_EQ(
      told("{\"a\": [1, 2],\n \"b\": {\"c\""),
      "a.json: not JSON: it ends at line 2, column 11 in the middle of a value; is it cut off?");
  EXPECT_THAT(told("{\n  \"a\": 1,\n}"),
              StartsWith("a.json: not JSON: line 3, column 1: unexpected '}'"));
  EXPECT_THAT(told("steps = 5"), StartsWith("a.json: not JSON: line 1, column 1: unexpected 's'"));
  EXPECT_THAT(told("{\"a\": \"\xff\"}"), HasSubstr("unexpected byte 0xff; texts are UTF-8"));
  EXPECT_THAT(told("{\"a\": NaN,\n \"b\": }"), HasSubstr("line 2, column 7: unexpected '}'"));
  EXPECT_EQ(told("[1e999]"), "a.json: not JSON: number overflow parsing '1e999'");
  for (const auto* text : {"{", "[1 2]", "{'a': 1}", "1e999", "\"open", "nul"}) {
    EXPECT_THAT(told(text), testing::Not(HasSubstr("exception"))) << text;
  }
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

std::string error_of_file(std::string_view text) {
  const TemporaryFolder folder;
  write_text_file(folder / "a.json", text);
  const auto error = error_of([&] { (void)read_json_file(folder / "a.json"); });
  return error.substr(std::min(error.size(), folder.path().string().size() + 1));
}

TEST(JsonText, AKeyThatAFileHasTwiceIsRefusedWithItsPath) {
  EXPECT_EQ(error_of_file(R"({"a": 1, "b": 2, "a": 1})"),
            "a.json.a: the key is there twice; leave one of them out");
  EXPECT_THAT(error_of_file(R"({"a": [1, {"c": 0}, {"d": {"e": 1, "f": [2], "e": 3}}]})"),
              StartsWith("a.json.a[2].d.e: the key is there twice"));
  EXPECT_THAT(error_of_file(R"([[], [{"a": {}, "a": {}}]])"),
              StartsWith("a.json[1][0].a: the key"));
  EXPECT_THAT(error_of_file(R"({"x": NaN, "a": 1, "a": 2})"), StartsWith("a.json.a: the key"));
  EXPECT_THAT(error_of_file(R"({"\u0061": 1, "a": 2})"), StartsWith("a.json.a: the key"));
}

TEST(JsonText, TheSameKeyInTwoObjectsIsNoRepetition) {
  const TemporaryFolder folder;
  write_text_file(folder / "a.json",
                  R"({"a": {"b": 1}, "c": [{"b": 1}, {"b": 2}], "b": {"a": "a"}})");
  EXPECT_EQ(read_json_file(folder / "a.json")["c"][1]["b"], 2);
  EXPECT_THAT(error_of_file(R"({"a": 1)"), StartsWith("a.json: not JSON: "));
}

TEST(JsonFields, AMisspeltKeyIsRefusedWithItsPath) {
  const Json stage = {{"kl_wieght", 0.5}};
  JsonReader reader(stage, "stages[1]");
  EXPECT_EQ(reader.get_or<double>("kl_weight", 1.0), 1.0);
  EXPECT_EQ(error_of([&] { reader.done(); }),
            "stages[1].kl_wieght: unknown key, did you mean 'kl_weight'?");
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
            "config.json.width: expected a whole number, found \"wide\"");
  EXPECT_THAT(error_of([] { JsonReader(Json::array({1}), "list"); }),
              HasSubstr("list: expected a JSON object, found array"));
}

TEST(JsonFields, TheTypeThatWasExpectedIsSaidInWords) {
  const Json json = {{"null", {nullptr}},
                     {"text", "abc"},
                     {"truth", false},
                     {"list", {1, 2.5}},
                     {"object", {{"a", 1}}},
                     {"long", std::vector<int>(100, 7)},
                     {"letters", std::string(100, 'a')}};
  JsonReader reader(json, "x");
  EXPECT_EQ(error_of([&] { (void)reader.get<std::string>("object"); }),
            R"(x.object: expected a text, found {"a":1})");
  EXPECT_EQ(error_of([&] { (void)reader.get<std::string>("truth"); }),
            "x.truth: expected a text, found false");
  EXPECT_EQ(error_of([&] { (void)reader.get<std::vector<std::string>>("text"); }),
            R"(x.text: expected a list of texts, found "abc")");
  EXPECT_EQ(error_of([&] { (void)reader.get<std::vector<int64_t>>("list"); }),
            "x.list: expected a list of whole numbers, found [1,2.5]");
  EXPECT_EQ(error_of([&] { (void)reader.get<std::vector<std::string>>("null"); }),
            "x.null: expected a list of texts, found [null]");
  EXPECT_EQ(error_of([&] { (void)reader.get<double>("long"); }),
            "x.long: expected a number, found a list of 100");
  EXPECT_EQ(error_of([&] { (void)reader.get<bool>("letters"); }),
            "x.letters: expected true or false, found a text of 100 bytes");
  using Names = std::map<std::string, std::string>;
  EXPECT_EQ(error_of([&] { (void)reader.get<Names>("object"); }),
            R"(x.object: expected an object of texts, found {"a":1})");
  EXPECT_EQ(reader.get<std::vector<double>>("list"), (std::vector{1, 2.5}));
}

TEST(JsonFields, AMissingKeyIsHeldAgainstThoseThatNobodyAskedFor) {
  const Json json = {{"promt", 1}, {"nmae", 2}};
  JsonReader reader(json, "task.json");
  EXPECT_EQ(error_of([&] { (void)reader.at("prompt"); }),
            "task.json.prompt: missing; if task.json.promt is meant for it, call it 'prompt'");
  reader.ignore("promt");
  EXPECT_EQ(error_of([&] { (void)reader.at("prompt"); }), "task.json.prompt: missing");
}

// A key behind `if (reader.has(key))` is as well known as one that is read at once.
TEST(JsonFields, AKeyThatIsOnlyLookedForIsSuggestedAndStillHasToBeRead) {
  const Json misspelt = {{"choises", 1}};
  JsonReader reader(misspelt, "task.json");
  EXPECT_FALSE(reader.has("choices"));
  EXPECT_EQ(error_of([&] { reader.done(); }),
            "task.json.choises: unknown key, did you mean 'choices'?");
  const Json unread = {{"choices", 1}};
  JsonReader other(unread, "task.json");
  EXPECT_TRUE(other.has("choices"));
  EXPECT_EQ(error_of([&] { other.done(); }), "task.json.choices: unknown key");
}

TEST(JsonFields, AKeyThatWasLookedForIsNotTakenForAMisspeltOne) {
  const Json json = {{"widths", 1}};
  JsonReader reader(json, "layer");
  EXPECT_TRUE(reader.has("widths"));
  EXPECT_EQ(error_of([&] { (void)reader.at("width"); }), "layer.width: missing");
}

TEST(JsonFields, ANumberThatDoesNotFitIsRefusedAndNotBent) {
  const Json json = {{"half", 2.5}, {"whole", 2.0},       {"minus", -1}, {"truth", true},
                     {"big", 300},  {"huge", UINT64_MAX}, {"number", 3}, {"large", 1e300}};
  JsonReader reader(json, "x");
  EXPECT_EQ(error_of([&] { (void)reader.get<int64_t>("half"); }),
            "x.half: expected a whole number, found 2.5");
  EXPECT_EQ(error_of([&] { (void)reader.get<uint64_t>("minus"); }),
            "x.minus: expected a whole number from 0 on, found -1");
  EXPECT_EQ(error_of([&] { (void)reader.get<int64_t>("truth"); }),
            "x.truth: expected a whole number, found true");
  EXPECT_EQ(error_of([&] { (void)reader.get<double>("truth"); }),
            "x.truth: expected a number, found true");
  EXPECT_EQ(error_of([&] { (void)reader.get<uint8_t>("big"); }),
            "x.big: expected a whole number from 0 to 255, found 300");
  EXPECT_THAT(error_of([&] { (void)reader.get<int64_t>("huge"); }), HasSubstr("found 1844"));
  EXPECT_THAT(error_of([&] { (void)reader.get<int64_t>("large"); }), HasSubstr("found 1"));
  EXPECT_EQ(error_of([&] { (void)reader.get<bool>("number"); }),
            "x.number: expected true or false, found 3");
  EXPECT_EQ(reader.get<int64_t>("whole"), 2);
  EXPECT_EQ(reader.get<double>("number"), 3.0);
}

}  // namespace
}  // namespace hylo::tests
