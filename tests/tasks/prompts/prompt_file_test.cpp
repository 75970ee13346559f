#include "tasks/prompts/prompt_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/files.h"
#include "tests/support/test_data.h"

namespace hylo::tasks {
namespace {

using testing::HasSubstr;

/// The shipped file with one change.
template <class Change>
std::string error_after(Change change) {
  Json json = read_json_file(shipped_file("tasks/prompts/lm_eval.json"));
  change(json);
  const tests::TemporaryFolder folder;
  write_text_file(folder / "prompts.json", json.dump());
  return tests::error_of([&] { read_prompt_file(folder / "prompts.json"); });
}

TEST(PromptFile, AMisspeltKeyIsAnErrorWithItsPath) {
  EXPECT_THAT(error_after([](Json& j) { j["choice"]["arc"]["lables"] = "x"; }),
              HasSubstr("choice.arc.lables: unknown key"));
  EXPECT_THAT(error_after([](Json& j) { j["generation"]["gsm8k"]["filters"][1]["tak"] = "x"; }),
              HasSubstr("generation.gsm8k.filters[1].tak: unknown key"));
  EXPECT_THAT(error_after([](Json& j) { j["choise"] = Json::object(); }),
              HasSubstr("choise: unknown key"));
}

TEST(PromptFile, OfTwoWaysToSayTheSameOneIsTaken) {
  EXPECT_THAT(error_after([](Json& j) { j["choice"]["arc"]["gold"] = 1; }),
              HasSubstr("choice.arc.answer: expected either this or gold, found both"));
  EXPECT_THAT(error_after([](Json& j) { j["choice"]["arc"].erase("answer"); }),
              HasSubstr("found neither"));
  EXPECT_THAT(error_after([](Json& j) { j["choice"]["arc"]["choice_texts"] = {"a"}; }),
              HasSubstr("choice.arc.choices: expected either this or choice_texts, found both"));
  EXPECT_THAT(error_after([](Json& j) { j["choice"]["arc"]["label_texts"] = {"a"}; }),
              HasSubstr("choice.arc.labels"));
}

TEST(PromptFile, WhatDoesNotParseIsAnError) {
  EXPECT_THAT(error_after([](Json& j) { j["choice"]["arc"]["question"] = "{a"; }),
              testing::AllOf(HasSubstr("choice.arc.question"), HasSubstr("not closed")));
  EXPECT_THAT(error_after([](Json& j) { j["generation"]["gsm8k"]["filters"][0]["pattern"] = "("; }),
              HasSubstr("regular expression"));
  EXPECT_THAT(error_after([](Json& j) { j["generation"]["gsm8k"]["filters"][0]["take"] = "any"; }),
              HasSubstr("expected first or last, found 'any'"));
}

TEST(PromptFile, FiltersHaveNamesOfTheirOwn) {
  const auto error_for = [](const char* name) {
    return error_after([&](Json& j) { j["generation"]["gsm8k"]["filters"][1]["name"] = name; });
  };
  EXPECT_THAT(error_for("strict-match"),
              HasSubstr("generation.gsm8k.filters[1].name: expected a name of its own"));
  EXPECT_THAT(error_for(""), HasSubstr("generation.gsm8k.filters[1].name: expected a name"));
  EXPECT_THAT(error_for("a,b"), HasSubstr("without commas, found 'a,b'"));
}

TEST(PromptFile, EmptyListsAndEmptyStopsAreErrors) {
  const auto error_for = [](const char* prompt, const char* key) {
    return error_after([&](Json& j) { j["choice"][prompt][key] = Json::array(); });
  };
  EXPECT_THAT(error_for("arc", "choices"), HasSubstr("choice.arc.choices: expected at least one"));
  EXPECT_THAT(error_for("arc", "metrics"), HasSubstr("choice.arc.metrics: expected at least one"));
  EXPECT_THAT(error_for("boolq", "choice_texts"),
              HasSubstr("choice.boolq.choice_texts: expected at least one"));
  EXPECT_THAT(error_for("boolq", "label_texts"),
              HasSubstr("choice.boolq.label_texts: expected at least one"));
  EXPECT_THAT(error_for("winogrande", "questions"),
              HasSubstr("choice.winogrande.questions: expected at least one"));
  EXPECT_THAT(error_after([](Json& j) {
                j["generation"]["gsm8k"]["stop"] = {"\n", ""};
              }),
              HasSubstr("generation.gsm8k.stop: expected texts that end an answer"));
  EXPECT_THAT(error_after([](Json& j) { j["generation"]["gsm8k"]["shots"] = Json::array(); }),
              HasSubstr("generation.gsm8k.shots: expected at least one"));
}

}  // namespace
}  // namespace hylo::tasks
