#include "datasets/path_patterns.h"

#include <gmock/gmock.h>

#include "tests/support/test_data.h"

namespace hylo::datasets {
namespace {

PathPatterns patterns(std::initializer_list<const char*> lines) {
  PathPatterns all;
  for (const char* line : lines) all.add(line);
  return all;
}

bool fits(const char* pattern, const char* path, bool is_folder = false) {
  return patterns({pattern}).verdict(path, is_folder).value_or(false);
}

TEST(PathPatterns, ANameAloneFitsAtAnyDepth) {
  EXPECT_TRUE(fits("*.log", "a.log"));
  EXPECT_TRUE(fits("*.log", "deep/er/a.log"));
  EXPECT_FALSE(fits("*.log", "a.logs"));
  EXPECT_FALSE(fits("a.log", "ba.log"));
}

TEST(PathPatterns, ASlashTiesAPatternToItsFolder) {
  EXPECT_TRUE(fits("/a.txt", "a.txt"));
  EXPECT_FALSE(fits("/a.txt", "b/a.txt"));
  EXPECT_TRUE(fits("docs/*.txt", "docs/a.txt"));
  EXPECT_FALSE(fits("docs/*.txt", "docs/b/a.txt"));
  EXPECT_FALSE(fits("docs/*.txt", "b/docs/a.txt"));
}

TEST(PathPatterns, TwoStarsStandForAnyFolders) {
  EXPECT_TRUE(fits("**/a.txt", "a.txt"));
  EXPECT_TRUE(fits("**/a.txt", "b/c/a.txt"));
  EXPECT_TRUE(fits("docs/**/a.txt", "docs/a.txt"));
  EXPECT_TRUE(fits("docs/**/a.txt", "docs/b/c/a.txt"));
  EXPECT_TRUE(fits("docs/**", "docs/b/c"));
  EXPECT_FALSE(fits("docs/**", "docs", true));
  EXPECT_TRUE(fits("a**z", "abcz"));
  EXPECT_FALSE(fits("a**z", "ab/cz"));
}

TEST(PathPatterns, ASlashAtTheEndMeansFoldersOnly) {
  EXPECT_TRUE(fits("build/", "build", true));
  EXPECT_TRUE(fits("build/", "a/build", true));
  EXPECT_FALSE(fits("build/", "build"));
}

TEST(PathPatterns, QuestionMarksAndBracketsStandForOneSign) {
  EXPECT_TRUE(fits("a?.txt", "ab.txt"));
  EXPECT_FALSE(fits("a?.txt", "a/.txt"));
  EXPECT_TRUE(fits("[a-c]x", "bx"));
  EXPECT_FALSE(fits("[!a-c]x", "bx"));
  EXPECT_TRUE(fits("[!a-c]x", "dx"));
  EXPECT_FALSE(fits("[!a-c]x", "/x"));
  EXPECT_TRUE(fits("a[", "a["));
  EXPECT_TRUE(fits("[]]", "]"));
  EXPECT_TRUE(fits("[[:digit:]_]x", "7x"));
  EXPECT_TRUE(fits("[[:digit:]_]x", "_x"));
  EXPECT_FALSE(fits("[[:digit:]]x", "ax"));
  EXPECT_TRUE(fits("[a\\-z]", "-"));
  EXPECT_FALSE(fits("[a\\-z]", "m"));
  EXPECT_TRUE(fits("caf?", "caf\xC3\xA9"));
}

TEST(PathPatterns, SignsOfRegularExpressionsAreThemselves) {
  EXPECT_TRUE(fits("a+(b).c", "a+(b).c"));
  EXPECT_FALSE(fits("a.c", "abc"));
  EXPECT_TRUE(fits("\\*", "*"));
  EXPECT_FALSE(fits("\\*", "a"));
  EXPECT_TRUE(fits("\\#a", "#a"));
}

TEST(PathPatterns, APatternThatIsNoneIsAnError) {
  EXPECT_THAT(tests::error_of([] { patterns({"[z-a]"}); }),
              ::testing::StartsWith("pattern '[z-a]': expected one as in .gitignore, found"));
  EXPECT_EQ(tests::error_of([] { patterns({"a\xFF"}); }),
            "a pattern of paths: expected UTF-8, found other bytes");
}

TEST(PathPatterns, BlankLinesAndRemarksSayNothing) {
  EXPECT_TRUE(patterns({"", "# a", "   ", "\r"}).empty());
  EXPECT_TRUE(fits("a.txt  \r", "a.txt"));
  EXPECT_TRUE(fits("a\\ ", "a "));
}

TEST(PathPatterns, TheLastPatternThatFitsDecides) {
  const auto all = patterns({"*.log", "!keep.log", "old/keep.log"});
  EXPECT_EQ(all.verdict("a.log", false), true);
  EXPECT_EQ(all.verdict("b/keep.log", false), false);
  EXPECT_EQ(all.verdict("old/keep.log", false), true);
  EXPECT_EQ(all.verdict("a.txt", false), std::nullopt);
}

TEST(PathPatterns, AFolderLimitsItsPatternsToWhatItHolds) {
  PathPatterns all;
  all.add("/a.txt", "docs/");
  EXPECT_EQ(all.verdict("docs/a.txt", false), true);
  EXPECT_EQ(all.verdict("a.txt", false), std::nullopt);
  EXPECT_EQ(all.verdict("docs/b/a.txt", false), std::nullopt);
}

TEST(PathPatterns, AFolderSpeaksForWhatItHolds) {
  const auto all = patterns({"src/", "!src/made/", "*.h"});
  EXPECT_EQ(all.verdict_within("src/deep/a.c"), true);
  EXPECT_EQ(all.verdict_within("src/made/a.c"), false);
  EXPECT_EQ(all.verdict_within("src/made/a.h"), true);
  EXPECT_EQ(all.verdict_within("other/a.c"), std::nullopt);
}

}  // namespace
}  // namespace hylo::datasets
