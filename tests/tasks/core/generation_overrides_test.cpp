#include "tasks/core/generation_overrides.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/test_data.h"

namespace hylo::tasks {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string error_for(const char* text) {
  return tests::error_of([&] { parse_generation_overrides(text); });
}

TEST(GenerationOverrides, PairsAreReadAsLmEvalWritesThem) {
  const auto o = parse_generation_overrides(
      "until=Question:,until=\n\n,max_gen_toks=64,do_sample=True,temperature=0.7,top_k=5,top_p=0.9,"
      "min_p=0.1,repetition_penalty=1.1,seed=7");
  EXPECT_THAT(*o.stop, ElementsAre("Question:", "\n\n"));
  EXPECT_EQ(o.max_new_tokens, 64);
  EXPECT_EQ(o.do_sample, true);
  EXPECT_EQ(o.temperature, 0.7);
  EXPECT_EQ(o.top_k, 5);
  EXPECT_EQ(o.top_p, 0.9);
  EXPECT_EQ(o.min_p, 0.1);
  EXPECT_EQ(o.repetition_penalty, 1.1);
  EXPECT_EQ(o.seed, 7U);
}

TEST(GenerationOverrides, TheJsonFormTakesStopStringsWithCommas) {
  const auto o = parse_generation_overrides(R"({"until": ["a, b", "c"], "max_new_tokens": 8})");
  EXPECT_THAT(*o.stop, ElementsAre("a, b", "c"));
  EXPECT_EQ(o.max_new_tokens, 8);
  EXPECT_THAT(*parse_generation_overrides(R"({"until": "a"})").stop, ElementsAre("a"));
}

TEST(GenerationOverrides, AnEmptyTextOverridesNothing) {
  EXPECT_EQ(parse_generation_overrides(""), GenerationOverrides{});
}

TEST(GenerationOverrides, AStopStringThatReadsAsANumberStaysText) {
  EXPECT_THAT(*parse_generation_overrides("until=42").stop, ElementsAre("42"));
}

TEST(GenerationOverrides, OfSeveralNamesForTheLengthTheFirstOfLmEvalsListCounts) {
  EXPECT_EQ(parse_generation_overrides("max_tokens=3,max_gen_toks=5").max_new_tokens, 5);
}

TEST(GenerationOverrides, AMisspeltKeySuggestsTheNearest) {
  EXPECT_THAT(error_for("temprature=0.5"), HasSubstr("did you mean temperature?"));
  EXPECT_THAT(error_for("{\"untl\": []}"), HasSubstr("did you mean until?"));
}

TEST(GenerationOverrides, ValuesOfTheWrongTypeOrRangeAreErrors) {
  EXPECT_THAT(error_for("temperature=hot"), AllOf(HasSubstr("temperature"), HasSubstr("\"hot\"")));
  EXPECT_THAT(error_for("temperature=-1"), HasSubstr("found -1"));
  EXPECT_THAT(error_for("max_gen_toks=0"), HasSubstr("from 1 on, found 0"));
  EXPECT_THAT(error_for("max_gen_toks=1.5"), HasSubstr("whole number"));
  EXPECT_THAT(error_for("top_p=0,temperature=1"), HasSubstr("above 0"));
  EXPECT_THAT(error_for("do_sample=1"), HasSubstr("true or false"));
  EXPECT_THAT(error_for("{\"until\": [1]}"), HasSubstr("until"));
  EXPECT_THAT(error_for("until="), HasSubstr("not empty"));
  EXPECT_THAT(error_for("seed=1,seed=2"), HasSubstr("given twice"));
  EXPECT_THAT(error_for("greedy"), HasSubstr("key=value"));
  EXPECT_THAT(error_for("{\"until\""), HasSubstr("not JSON"));
}

TEST(GenerationOverrides, SettingsWithoutEffectAreRefused) {
  EXPECT_THAT(error_for("top_k=5"), HasSubstr("no effect on greedy decoding"));
  EXPECT_THAT(error_for("do_sample=false,temperature=0.5"), HasSubstr("contradict"));
  EXPECT_THAT(error_for("do_sample=true,temperature=0"), HasSubstr("contradict"));
}

GenerateText changed(const char* text) {
  return with_overrides({.prompt = "p", .stop = {"x"}, .max_new_tokens = 256},
                        parse_generation_overrides(text));
}

TEST(GenerationOverrides, WhatIsNotGivenStaysAsTheTaskHasIt) {
  EXPECT_THAT(changed("max_gen_toks=8").stop, ElementsAre("x"));
  EXPECT_EQ(changed("until=y").max_new_tokens, 256);
  EXPECT_EQ(changed("until=y").sampling, Sampling{});
}

TEST(GenerationOverrides, ATemperatureSamplesAndSamplingAloneIsAtOne) {
  EXPECT_EQ(changed("temperature=0.7").sampling.temperature, 0.7);
  EXPECT_EQ(changed("do_sample=true").sampling.temperature, 1);
  EXPECT_EQ(changed("do_sample=false").sampling.temperature, 0);
}

}  // namespace
}  // namespace hylo::tasks
