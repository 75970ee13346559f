#include "harness/base/unicode.h"

#include <gmock/gmock.h>

#include "tests/support/test_data.h"

namespace hylo::tests {
namespace {

using testing::ElementsAre;
using testing::Eq;
using testing::Optional;

TEST(Utf8, TheFirstBadByteIsFound) {
  EXPECT_EQ(first_invalid_utf8(""), std::nullopt);
  EXPECT_EQ(first_invalid_utf8("a\xC3\xA9\xF0\x9F\x98\x80"), std::nullopt);
  EXPECT_THAT(first_invalid_utf8("ab\xC3"), Optional(2UL));            // cut off
  EXPECT_THAT(first_invalid_utf8("\x80"), Optional(0UL));              // continuation alone
  EXPECT_THAT(first_invalid_utf8("a\xC0\x80"), Optional(1UL));         // overlong zero
  EXPECT_THAT(first_invalid_utf8("\xED\xA0\x80"), Optional(0UL));      // surrogate
  EXPECT_THAT(first_invalid_utf8("\xF4\x90\x80\x80"), Optional(0UL));  // above U+10FFFF
}

TEST(Utf8, CodePointsHaveTheirValueAndLength) {
  const std::string text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xFF";
  EXPECT_EQ(code_point_at(text, 0).value, U'a');
  EXPECT_EQ(code_point_at(text, 1).value, U'\u00E9');
  EXPECT_EQ(code_point_at(text, 3).value, U'\u20AC');
  EXPECT_EQ(code_point_at(text, 6).value, U'\U0001F600');
  EXPECT_EQ(code_point_at(text, 6).num_bytes, 4U);
  EXPECT_EQ(code_point_at(text, 10).value, 0xFFFDU);
  EXPECT_EQ(code_point_at(text, 10).num_bytes, 1U);
}

TEST(Utf8, EncodingInvertsDecoding) {
  std::string text;
  for (const char32_t c : {U'a', U'\u00E9', U'\u20AC', U'\U0001F600'}) append_utf8(text, c);
  EXPECT_EQ(text, "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(count_code_points(text), 4U);
}

// Left column of python3 -c 'print([hex(c) for c in range(0x110000) if chr(c).isspace()])'.
TEST(PythonText, WhiteSpaceIsWhatPythonCallsSo) {
  for (const char32_t c : {0x09, 0x0D, 0x1C, 0x1F, 0x20, 0x85, 0xA0, 0x1680, 0x2000, 0x200A, 0x2028,
                           0x2029, 0x202F, 0x205F, 0x3000}) {
    EXPECT_TRUE(is_python_space(c)) << std::hex << static_cast<uint32_t>(c);
  }
  for (const char32_t c : {0x00, 0x08, 0x0E, 0x1B, 0x21, 0x180E, 0x200B, 0x2060, 0xFEFF}) {
    EXPECT_FALSE(is_python_space(c)) << std::hex << static_cast<uint32_t>(c);
  }
}

TEST(PythonText, StripTakesWhiteSpaceOfEveryLength) {
  const std::string text = " \xC2\xA0 a b\xE3\x80\x80\n";
  EXPECT_EQ(python_strip(text), "a b");
  EXPECT_EQ(python_rstrip(text), " \xC2\xA0 a b");
  EXPECT_EQ(python_lstrip(text), "a b\xE3\x80\x80\n");
  EXPECT_EQ(python_strip(" \t\n"), "");
  EXPECT_EQ(python_strip(""), "");
  EXPECT_EQ(python_strip("a\xE2\x80\x8B"), "a\xE2\x80\x8B");  // U+200B is no white space
}

TEST(PythonText, CapitalizeRaisesTheFirstLetterAndLowersTheRest) {
  EXPECT_EQ(python_capitalize("hELLO World"), "Hello world");
  EXPECT_EQ(python_capitalize(""), "");
  EXPECT_EQ(python_capitalize("1aB"), "1ab");
  EXPECT_EQ(python_capitalize("\u00E9A"), "\u00C9a");
  EXPECT_EQ(python_capitalize("\u01C4x"), "\u01C5x");  // a digraph has a title case of its own
}

TEST(PythonText, CapitalizeKnowsLettersWhoseTitleIsLonger) {
  EXPECT_EQ(python_capitalize("\u00DFa"), "Ssa");
  EXPECT_EQ(python_capitalize("\uFB03x"), "Ffix");
  EXPECT_EQ(python_capitalize("a\u00DF"), "A\u00DF");
}

TEST(PythonText, SigmaAtTheEndOfAWordHasItsOwnForm) {
  EXPECT_EQ(python_lower("\u039F\u0394\u039F\u03A3"), "\u03BF\u03B4\u03BF\u03C2");
  EXPECT_EQ(python_lower("\u03A3\u0391"), "\u03C3\u03B1");
  EXPECT_EQ(python_lower("\u03A3"), "\u03C3");        // no letter before it
  EXPECT_EQ(python_lower("A\u03A3.B"), "a\u03C3.b");  // the stop does not end the word
  EXPECT_EQ(python_lower("A\u03A3 B"), "a\u03C2 b");
  EXPECT_EQ(python_lower("\u24B6\u03A3"), "\u24D0\u03C2");  // a circled letter is cased
}

TEST(PythonText, TheDottedCapitalIBecomesTwoCodePoints) {
  EXPECT_EQ(python_lower("\u0130"), "i\u0307");
}

TEST(Texts, ReplaceAllGoesFromLeftToRightOnce) {
  EXPECT_EQ(replace_all("aaa", "aa", "b"), "ba");
  EXPECT_EQ(replace_all("a.b.c", ".", "..."), "a...b...c");
  EXPECT_EQ(replace_all("", "x", "y"), "");
  EXPECT_THROW(replace_all("abc", "", "x"), std::logic_error);
}

TEST(Texts, SplitKeepsEmptyPieces) {
  EXPECT_THAT(split("a,,b,", ','), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(split("", ','), ElementsAre(""));
}

TEST(Texts, OnlyANearWordIsSuggested) {
  const std::vector<std::string> tasks{"hellaswag", "piqa", "arc_easy"};
  EXPECT_THAT(nearest("helaswag", tasks), Optional(Eq("hellaswag")));
  EXPECT_THAT(nearest("pika", tasks), Optional(Eq("piqa")));
  EXPECT_THAT(nearest("pqia", tasks), Optional(Eq("piqa")));
  EXPECT_EQ(nearest("take", {"name"}), std::nullopt);  // half of its letters differ
  EXPECT_EQ(nearest("winogrande", tasks), std::nullopt);
  EXPECT_EQ(nearest("x", {}), std::nullopt);
}

}  // namespace
}  // namespace hylo::tests
