#include "tasks/scoring/answers.h"

#include <gtest/gtest.h>

#include "harness/base/files.h"
#include "tasks/prompts/prompt_file.h"

namespace hylo::tasks {
namespace {

/// The filters and the comparison of gsm8k as they are shipped.
const GenerationPrompt& gsm8k() {
  static const PromptFile file = read_prompt_file(shipped_file("tasks/prompts/lm_eval.json"));
  return file.generation.at("gsm8k");
}

std::string extracted(size_t filter, const char* response) {
  return extract_answer(gsm8k().filters.at(filter), response);
}
std::string strict(const char* response) { return extracted(0, response); }
std::string flexible(const char* response) { return extracted(1, response); }
std::string normalised(const char* answer) { return normalised_answer(gsm8k().comparison, answer); }

TEST(Gsm8kAnswers, StrictTakesTheFirstNumberAfterHashes) {
  EXPECT_EQ(strict("so #### 18\n#### 19"), "18");
  EXPECT_EQ(strict("#### -1,234.5 eggs"), "-1,234.5");
  EXPECT_EQ(strict("####18"), "[invalid]");
  EXPECT_EQ(strict("#### $18"), "[invalid]");
  EXPECT_EQ(strict(""), "[invalid]");
}

TEST(Gsm8kAnswers, FlexibleTakesTheLastNumberOrRunOfSigns) {
  EXPECT_EQ(flexible("so 18 eggs..."), "...");
  EXPECT_EQ(flexible("it is $5."), "$5.");
  EXPECT_EQ(flexible("is 3/4"), "4");
  EXPECT_EQ(flexible("x = -7, ok"), "-7,");
  EXPECT_EQ(flexible("12.0"), "12.0");
  EXPECT_EQ(flexible("none"), "[invalid]");
}

TEST(Gsm8kAnswers, AreComparedWithoutCommasDollarsReasoningAndFinalDot) {
  EXPECT_EQ(normalised("$1,234."), "1234");
  EXPECT_EQ(normalised("18."), "18");
  EXPECT_EQ(normalised(".."), ".");
  EXPECT_EQ(normalised("a\n#### 1,000"), "1000");
  EXPECT_EQ(normalised("5.\n"), "5\n");  // Python's $ also stands before a last line feed
}

TEST(Gsm8kAnswers, AreStringsNotNumbers) {
  EXPECT_FALSE(is_exact_match(gsm8k().comparison, "12.0", "b\n#### 12"));
  EXPECT_TRUE(is_exact_match(gsm8k().comparison, "12.", "b\n#### 12"));
}

TEST(Answers, CaseCountsUnlessIgnored) {
  const ExactMatch exact;
  EXPECT_FALSE(is_exact_match(exact, "Yes", "yes"));
  EXPECT_TRUE(
      is_exact_match({.ignored = {}, .ignores_case = true}, "\u00c9t\u00e9", "\u00e9T\u00c9"));
}

TEST(Answers, AnUnescapedDotEatsTheLastDigitOfAnAnswerAtTheEnd) {
  const AnswerFilter filter{.name = "cot", .pattern = Regex(R"(The answer is (\-?[0-9\.\,]+).)")};
  EXPECT_EQ(extract_answer(filter, "The answer is 18."), "18");
  EXPECT_EQ(extract_answer(filter, "The answer is 18. Next"), "18.");
  EXPECT_EQ(extract_answer(filter, "The answer is 18"), "1");
  EXPECT_EQ(extract_answer(filter, "The answer is 5"), "[invalid]");
}

TEST(Answers, APatternWithoutGroupsYieldsAllOfTheMatchStripped) {
  const AnswerFilter filter{.name = "f", .pattern = Regex("\\s*[ab]+\\s*"), .take = Take::Last};
  EXPECT_EQ(extract_answer(filter, "x a y\u00a0bb z"), "bb");
}

TEST(Answers, EmptyMatchesEndAndEmptyGroupsAreNoAnswer) {
  const AnswerFilter filter{.name = "f", .pattern = Regex("(q*)"), .take = Take::Last};
  EXPECT_EQ(extract_answer(filter, "\u00e9"), "[invalid]");
}

TEST(Answers, BytesThatAreNotUtf8AreReplacedFirst) {
  EXPECT_EQ(as_valid_utf8("a\xff"), "a\ufffd");
  EXPECT_EQ(flexible("\xff 42"), "42");
}

}  // namespace
}  // namespace hylo::tasks
