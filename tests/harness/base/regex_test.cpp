#include "harness/base/regex.h"

#include <gmock/gmock.h>

#include <thread>

#include "tests/support/test_data.h"

namespace hylo::tests {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> matches(const Regex& regex, std::string_view subject) {
  std::vector<std::string> found;
  regex.for_each(subject, [&](Regex::Span span) {
    found.emplace_back(subject.substr(span.begin, span.end - span.begin));
  });
  return found;
}

TEST(Regexes, EveryMatchIsVisitedFromLeftToRight) {
  EXPECT_THAT(matches(Regex("[0-9]+"), "a1b22c333"), ElementsAre("1", "22", "333"));
  EXPECT_THAT(matches(Regex("x"), ""), testing::IsEmpty());
}

TEST(Regexes, PropertiesAndCaseAreThoseOfUnicode) {
  EXPECT_THAT(matches(Regex("\\p{L}+"), "a\u00E9 \u4E2D\u6587!"),
              ElementsAre("a\u00E9", "\u4E2D\u6587"));
  EXPECT_THAT(matches(Regex("(?i)\u00E9"), "\u00C9"), ElementsAre("\u00C9"));
}

TEST(Regexes, AnEmptyMatchMovesOnByOneCodePoint) {
  EXPECT_THAT(matches(Regex("a*"), "\u00E9a"), ElementsAre("", "a", ""));
}

TEST(Regexes, SearchGivesGroupsAndMarksThoseThatTookNoPart) {
  const auto found = Regex("(a)|(b)").search("xxb", 1);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 3U);
  EXPECT_EQ((*found)[0].begin, 2U);
  EXPECT_EQ((*found)[0].end, 3U);
  EXPECT_EQ((*found)[1].begin, std::string_view::npos);
  EXPECT_EQ((*found)[2].begin, 2U);
  EXPECT_FALSE(Regex("(a)|(b)").search("xxb", 3));
}

TEST(Regexes, LookBehindSeesWhatLiesBeforeTheStart) {
  EXPECT_FALSE(Regex("^b").search("ab", 1));
  EXPECT_TRUE(Regex("(?<=a)b").search("ab", 1));
}

TEST(Regexes, TheReplacementIsTakenLiterally) {
  EXPECT_EQ(Regex("[0-9]+").replace("a1b22", "$0\\1"), "a$0\\1b$0\\1");
  EXPECT_EQ(Regex("x").replace("abc", "y"), "abc");
}

TEST(Regexes, APatternThatDoesNotCompileIsNamedWithThePlace) {
  EXPECT_THAT(error_of([] { Regex("a(b"); }), AllOf(HasSubstr("'a(b'"), HasSubstr("offset 3")));
}

TEST(Regexes, APatternWithoutEndIsAnErrorAndNoHang) {
  EXPECT_THAT(error_of([] { (void)Regex("(a+)+$").search(std::string(100, 'a') + "b"); }),
              HasSubstr("PCRE2"));
}

// With a check of the whole subject at each of the two million matches this would take hours.
TEST(Regexes, AWalkOverAMegabyteIsLinear) {
  const std::string words = [] {
    std::string text;
    while (text.size() < (4U << 20)) text += "a ";
    return text;
  }();
  size_t count = 0;
  Regex("\\p{L}+").for_each(words, [&](Regex::Span) { ++count; });
  EXPECT_EQ(count, words.size() / 2);
}

TEST(Regexes, OneMatchMaySpanAMegabyte) {
  const std::string letters(1 << 20, 'a');
  EXPECT_EQ(matches(Regex("\\p{L}+| ?[^\\s\\p{L}]+"), letters), std::vector{letters});
  EXPECT_EQ(matches(Regex("(?:a|b)+"), letters), std::vector{letters});
}

TEST(Regexes, OnePatternServesSeveralThreads) {
  const Regex regex("[0-9]+");
  std::vector<size_t> counts(4);
  std::vector<std::thread> threads;
  for (auto& count : counts) {
    threads.emplace_back([&] { count = matches(regex, "1 22 333").size(); });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(counts, testing::Each(3U));
}

}  // namespace
}  // namespace hylo::tests
