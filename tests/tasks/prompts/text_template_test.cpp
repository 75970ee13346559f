#include "tasks/prompts/text_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/test_data.h"

namespace hylo::tasks {
namespace {

using testing::HasSubstr;
using tests::error_of;

const Json document = {
    {"question", {{"stem", " why? "}, {"choices", {{{"text", "a"}}, {{"text", "b"}}}}}},
    {"number", 7},
    {"word", "hELLO World"}};

TEST(TextTemplate, PlacesAreFilledWithTextsAndNumbers) {
  EXPECT_EQ(TextTemplate("Q:{question.stem}\nA {number}:").render(document), "Q: why? \nA 7:");
  EXPECT_EQ(TextTemplate("plain").render(document), "plain");
  EXPECT_EQ(TextTemplate("").render(document), "");
}

TEST(TextTemplate, ChangesAreThoseOfPython) {
  EXPECT_EQ(TextTemplate("[{question.stem|strip}]").render(document), "[why?]");
  EXPECT_EQ(TextTemplate("[{question.stem|lstrip}]").render(document), "[why? ]");
  EXPECT_EQ(TextTemplate("[{question.stem|rstrip}]").render(document), "[ why?]");
  EXPECT_EQ(TextTemplate("{word|capitalize}").render(document), "Hello world");
}

TEST(TextTemplate, ATextIsCutAtASeparator) {
  const Json fields = {{"s", "a _ b _ c"}, {"plain", "a"}};
  EXPECT_EQ(TextTemplate("{s|before:_}x").render(fields), "a x");
  EXPECT_EQ(TextTemplate("{s|after:_|strip}").render(fields), "b _ c");
  EXPECT_EQ(TextTemplate("{s|before_last: }").render(fields), "a _ b _");
  EXPECT_EQ(TextTemplate("{s|after_last:_}").render(fields), " c");
  EXPECT_EQ(TextTemplate("{plain|after_last:_}").render(fields), "a");
  EXPECT_THAT(error_of([&] { (void)TextTemplate("{plain|before:_}").render(fields); }),
              HasSubstr("field plain: expected '_' in 'a'"));
}

TEST(TextTemplate, MistakesAreNamed) {
  EXPECT_THAT(error_of([] { TextTemplate("{a|before}"); }), HasSubstr("'before'"));
  EXPECT_THAT(error_of([] { TextTemplate("{a|before:}"); }), HasSubstr("'before:'"));
  EXPECT_THAT(error_of([] { TextTemplate("{a|strip:x}"); }), HasSubstr("'strip:x'"));
  EXPECT_THAT(error_of([] { TextTemplate("{a"); }), HasSubstr("not closed"));
  EXPECT_THAT(error_of([] { TextTemplate("{a|upper}"); }), HasSubstr("'upper'"));
  EXPECT_THAT(error_of([] { TextTemplate("{a..b}"); }), HasSubstr("a..b"));
  EXPECT_THAT(error_of([] { (void)TextTemplate("{question.stm}").render(document); }),
              HasSubstr("question.stm: 'stm' is missing"));
  EXPECT_THAT(error_of([] { (void)TextTemplate("{question}").render(document); }),
              HasSubstr("field question: expected a text or a number, found an object"));
  EXPECT_THAT(error_of([] { (void)TextTemplate("{question.stem.x}").render(document); }),
              HasSubstr("expected an object with 'x', found a text"));
}

TEST(TextTemplate, ADoubledBraceIsWritten) {
  const Json fields{{"a", "x"}};
  EXPECT_EQ(TextTemplate("{{a}} = {{{a}}}").render(fields), "{a} = {x}");
  EXPECT_THAT(error_of([] { (void)TextTemplate("a}"); }), HasSubstr("that none opened; }} writes"));
}

TEST(FieldPath, ANumberIsAnElementOfAnArrayAndAKeyOfAnObject) {
  EXPECT_EQ(FieldPath("question.choices.1.text").find(document), "b");
  EXPECT_EQ(FieldPath("1").find({{"1", "one"}}), "one");
  EXPECT_THAT(error_of([] { (void)FieldPath("question.choices.2").find(document); }),
              HasSubstr("expected an element 2, found 2 elements"));
}

TEST(FieldPath, AStarWalksAnArray) {
  const FieldPath path("question.choices.*.text");
  const auto found = path.find_all(document);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(*found[1], "b");
  EXPECT_THAT(error_of([&] { (void)path.find(document); }),
              HasSubstr("expected one value, found 2"));
  EXPECT_THAT(error_of([] { (void)FieldPath("word.*").find_all(document); }),
              HasSubstr("expected a list"));
}

}  // namespace
}  // namespace hylo::tasks
