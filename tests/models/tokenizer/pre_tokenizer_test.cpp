#include "models/tokenizer/pre_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/random.h"
#include "harness/base/unicode.h"
#include "models/tokenizer/pattern_scanner.h"

namespace hylo::models {
namespace {

using testing::ElementsAre;
using Pieces = std::vector<std::string>;

Pieces pieces(const PreTokenizer& pre_tokenizer, std::string_view text, bool is_first = true) {
  Pieces all;
  pre_tokenizer.split(text, is_first, [&](std::string_view piece) { all.emplace_back(piece); });
  return all;
}

Pieces pieces(const PreTokenizerStep& step, std::string_view text) {
  return pieces(PreTokenizer({step}), text);
}

Pieces pieces(KnownPattern pattern, std::string_view text) {
  return pieces(Split{.pattern = std::string(text_of(pattern))}, text);
}

TEST(Patterns, Gpt2KeepsBlanksWithWordsAndRunsOfDigits) {
  EXPECT_THAT(pieces(KnownPattern::Gpt2, "I'll  pay 1234!?\n\nOk "),
              ElementsAre("I", "'ll", " ", " pay", " 1234", "!?", "\n", "\n", "Ok", " "));
  EXPECT_THAT(pieces(KnownPattern::Gpt2, "I'LL"), ElementsAre("I", "'", "LL"));
}

TEST(Patterns, Llama3CutsDigitsInThreesAndIgnoresCaseOfContractions) {
  EXPECT_THAT(
      pieces(KnownPattern::Llama3, "I'LL  pay 1234!?\n\nOk (so "),
      ElementsAre("I", "'LL", " ", " pay", " ", "123", "4", "!?\n\n", "Ok", " (", "so", " "));
  EXPECT_THAT(pieces(KnownPattern::Llama3, "a'\u017Fx"), ElementsAre("a", "'\u017F", "x"));
  EXPECT_THAT(pieces(KnownPattern::Llama3, " \n  \n  a"), ElementsAre(" \n  \n", " ", " a"));
}

TEST(Patterns, Qwen2CutsDigitsOneByOne) {
  EXPECT_THAT(pieces(KnownPattern::Qwen2, "x12 \u00BD"), ElementsAre("x", "1", "2", " ", "\u00BD"));
}

TEST(Patterns, WhiteSpaceIsUnicodesWithoutTheMongolianVowelSeparator) {
  for (const bool use_scanners : {false, true}) {
    const PreTokenizer gpt2({Split{.pattern = std::string(text_of(KnownPattern::Gpt2))}},
                            {.use_scanners = use_scanners});
    EXPECT_THAT(pieces(gpt2, "a\u0085\u2028b"), ElementsAre("a", "\u0085", "\u2028", "b"));
    EXPECT_THAT(pieces(gpt2, "a!\u180E!"), ElementsAre("a", "!\u180E!"));
  }
}

TEST(Patterns, AreKnownByTheirExactTextOnly) {
  EXPECT_EQ(known_pattern(text_of(KnownPattern::Qwen2)), KnownPattern::Qwen2);
  EXPECT_EQ(known_pattern("\\p{L}+"), std::nullopt);
}

/// Characters of every kind that the patterns tell apart, and any others.
std::string random_text(PythonRandom& random) {
  static const std::vector<std::string> kinds{
      " ",      "  ",      "\n",     "\r",     "\t",     "'",      "s",      "S",      "\u017F",
      "ll",     "RE",      "ve",     "d",      "7",      "12",     "\u00BD", "!",      "-",
      "\u00E9", "e\u0301", "\u4F60", "\u0085", "\u00A0", "\u180E", "\u2028", "\u3000", "\u200B"};
  std::string text;
  for (uint64_t i = random.randbelow(12) + 1; i > 0; --i) {
    if (random.randbelow(4) > 0) {
      text += kinds[random.randbelow(kinds.size())];
    } else {
      const auto c =
          static_cast<char32_t>(random.randbelow(random.randbelow(2) ? 0x3000 : 0x110000));
      if (c < 0xD800 || c >= 0xE000) append_utf8(text, c);
    }
  }
  return text;
}

TEST(Patterns, ScannersCutWherePcre2Cuts) {
  PythonRandom random(7);
  for (const auto pattern : {KnownPattern::Gpt2, KnownPattern::Llama3, KnownPattern::Qwen2}) {
    const Split split{.pattern = std::string(text_of(pattern))};
    const PreTokenizer scanner({split}), pcre2({split}, {.use_scanners = false});
    for (int i = 0; i < 5000; ++i) {
      const auto text = random_text(random);
      ASSERT_EQ(pieces(scanner, text), pieces(pcre2, text)) << split.pattern << " on: " << text;
    }
  }
}

Split at_dashes(SplitBehavior behavior, bool invert = false) {
  return {.pattern = "-", .is_literal = true, .behavior = behavior, .invert = invert};
}

TEST(Split, DoesWithMatchesWhatTheBehaviorSays) {
  const auto cut = [](SplitBehavior behavior) { return pieces(at_dashes(behavior), "a--b-c"); };
  EXPECT_THAT(cut(SplitBehavior::Isolated), ElementsAre("a", "-", "-", "b", "-", "c"));
  EXPECT_THAT(cut(SplitBehavior::Removed), ElementsAre("a", "b", "c"));
  EXPECT_THAT(cut(SplitBehavior::MergedWithPrevious), ElementsAre("a-", "-", "b-", "c"));
  EXPECT_THAT(cut(SplitBehavior::MergedWithNext), ElementsAre("a", "-", "-b", "-c"));
  EXPECT_THAT(cut(SplitBehavior::Contiguous), ElementsAre("a", "--", "b", "-", "c"));
}

TEST(Split, InvertedKeepsWhatLiesBetween) {
  EXPECT_THAT(pieces(at_dashes(SplitBehavior::Removed, true), "a--b-c"),
              ElementsAre("-", "-", "-"));
}

TEST(Split, TakesALiteralLiterally) {
  const Split dots{.pattern = "..", .is_literal = true, .behavior = SplitBehavior::Isolated};
  EXPECT_THAT(pieces(dots, "ab..c"), ElementsAre("ab", "..", "c"));
}

TEST(ByteLevel, PutsABlankInFrontOnlyWhereNoneIs) {
  const ByteLevel level{.add_prefix_space = true};
  EXPECT_THAT(pieces(level, "a b"), ElementsAre(" a", " b"));
  EXPECT_THAT(pieces(level, " a"), ElementsAre(" a"));
}

TEST(PreTokenizer, StepsCutWhatEarlierStepsLeft) {
  const PreTokenizer digits_then_words({Split{.pattern = "\\p{N}"}, ByteLevel{}});
  EXPECT_THAT(pieces(digits_then_words, "ab 12 c"), ElementsAre("ab", " ", "1", "2", " c"));
}

TEST(PreTokenizer, WithoutStepsATextIsOnePiece) {
  EXPECT_THAT(pieces(PreTokenizer({}), "a b"), ElementsAre("a b"));
  EXPECT_THAT(pieces(PreTokenizer({}), ""), ElementsAre());
}

}  // namespace
}  // namespace hylo::models
