#include "tasks/ruler/punkt.h"

#include <gmock/gmock.h>

#include "harness/base/files.h"
#include "tasks/ruler/punkt_words.h"
#include "tests/support/test_data.h"

namespace hylo::tasks::ruler {
namespace {

using hylo::tests::error_of;
using hylo::tests::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> sentences(std::string_view text) {
  static const Punkt punkt = Punkt::english();
  std::vector<std::string> found;
  for (const auto& [begin, end] : punkt.sentences(text)) {
    found.emplace_back(text.substr(begin, end - begin));
  }
  return found;
}

TEST(RulerPunkt, ASentenceEndsBeforeAWordThatIsNotJoinedToIt) {
  EXPECT_THAT(sentences("It rains. We go! Why? "), ElementsAre("It rains.", "We go!", "Why?"));
}

TEST(RulerPunkt, AnAbbreviationBeforeANameEndsNoSentence) {
  EXPECT_THAT(sentences("Mr. Smith met Dr. Who."), ElementsAre("Mr. Smith met Dr. Who."));
}

TEST(RulerPunkt, AnInitialBeforeACapitalIsPartOfAName) {
  EXPECT_THAT(sentences("Johann S. Bach wrote."), ElementsAre("Johann S. Bach wrote."));
}

TEST(RulerPunkt, ClosingMarksBelongToTheSentenceThatTheyClose) {
  EXPECT_THAT(sentences("(It rains.) \"We go.\" Why?"),
              ElementsAre("(It rains.)", "\"We go.\"", "Why?"));
}

TEST(RulerPunkt, SeveralMarksInARowEndOneSentence) {
  EXPECT_THAT(sentences("Very bad acting!!! I promise."),
              ElementsAre("Very bad acting!!!", "I promise."));
}

TEST(RulerPunkt, WithoutTextThereAreNoSentences) {
  EXPECT_THAT(sentences(""), IsEmpty());
  EXPECT_THAT(sentences(" \n"), IsEmpty());
  EXPECT_THAT(sentences("no end"), ElementsAre("no end"));
}

TEST(RulerPunkt, WordsKeepFullStopsAndLoseOtherMarks) {
  EXPECT_THAT(
      punkt_words("(U.S. --wait, \"x,y\"... . . . end)"),
      ElementsAre("(", "U.S.", "--", "wait", ",", "\"", "x,y", "\"", "...", ". . .", "end", ")"));
}

TEST(RulerPunkt, NumbersAreOneType) {
  for (const auto* number : {"7", "-7", "1,000.50", ".5", "3.", "1995-96"}) {
    EXPECT_EQ(punkt_type(number), "##number##") << number;
  }
  EXPECT_EQ(punkt_type("7th"), "7th");
  EXPECT_EQ(punkt_type("-"), "-");
  EXPECT_EQ(punkt_type("Mr."), "mr.");
}

TEST(RulerPunkt, AParameterFileOfAnotherFormIsNamed) {
  const TemporaryFolder folder;
  for (const auto* name : {"abbrev_types.txt", "collocations.tab", "sent_starters.txt"}) {
    write_text_file(folder / name, "");
  }
  write_text_file(folder / "ortho_context.tab", "word\tmany\n");
  EXPECT_THAT(error_of([&] { const Punkt punkt(folder.path()); }),
              HasSubstr("ortho_context.tab: expected a word, a tab and a number"));
}

TEST(RulerPunktGoldens, TheFirstSentencesOfANovelAreThoseOfNltk) {
  const auto expected = hylo::tests::golden("punkt-english/sentences-first-2000.tsv");
  const auto novel = hylo::tests::data("text-public-domain/war_and_peace.txt");
  if (!expected || !novel) {
    GTEST_SKIP() << hylo::tests::skip_reason("HYLO_TEST_DATA", "punkt-english");
  }
  std::string text;
  for (const char c : read_text_file(*novel)) {
    const bool is_space = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (!is_space) text += c;
    if (is_space && !text.ends_with(' ')) text += ' ';
  }
  const auto found = Punkt::english().sentences(text);
  EXPECT_EQ(found.size(), 26430U);
  const auto tsv = read_text_file(*expected);
  const auto rows = lines_of(tsv);
  ASSERT_EQ(rows.size(), 2000U);
  for (size_t i = 0; i < rows.size(); ++i) {
    ASSERT_EQ(fmt::format("{}\t{}", found.at(i).begin, found.at(i).end), rows[i]) << i;
  }
}

}  // namespace
}  // namespace hylo::tasks::ruler
