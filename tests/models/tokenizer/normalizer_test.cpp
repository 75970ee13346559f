#include "models/tokenizer/normalizer.h"

#include <gtest/gtest.h>
#include <utf8proc.h>

#include <cstdlib>

#include "harness/base/random.h"
#include "harness/base/unicode.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

std::string composed_by_utf8proc(const std::string& text) {
  auto* mapped = utf8proc_NFC(reinterpret_cast<const utf8proc_uint8_t*>(text.c_str()));
  std::string out(reinterpret_cast<const char*>(mapped));
  std::free(mapped);
  return out;
}

TEST(Normalizer, ComposesAndDecomposes) {
  EXPECT_EQ(to_unicode_form("e\u0301x", UnicodeForm::Nfc), "\u00E9x");
  EXPECT_EQ(to_unicode_form("\u00E9", UnicodeForm::Nfd), "e\u0301");
  EXPECT_EQ(to_unicode_form("\uFB01", UnicodeForm::Nfkc), "fi");
  EXPECT_EQ(to_unicode_form("\u1112\u1161\u11AB", UnicodeForm::Nfc), "\uD55C");
  EXPECT_EQ(to_unicode_form("a\u0307\u0323", UnicodeForm::Nfc),
            "\u1EA1\u0307");  // marks change places
  EXPECT_EQ(to_unicode_form("\u212B", UnicodeForm::Nfc), "\u00C5");
  EXPECT_EQ(to_unicode_form("", UnicodeForm::Nfc), "");
}

TEST(Normalizer, ComposingPartByPartEqualsComposingTheWhole) {
  PythonRandom random(11);
  // Blocks where things combine: Latin, marks, Indic vowels, Hangul, and anything.
  const std::vector<std::pair<char32_t, uint64_t>> blocks{
      {0x41, 0x3A},    {0x300, 0x70},  {0x1E00, 0x100}, {0x1100, 0x100},
      {0xAC00, 0x80},  {0x9C0, 0x20},  {0xDC0, 0x20},   {0x1B00, 0x40},
      {0x11100, 0x40}, {0x3040, 0x60}, {0x2100, 0x30},  {0x1, 0x10FFFF}};
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (uint64_t n = random.randbelow(8) + 1; n > 0; --n) {
      const auto [first, size] = blocks[random.randbelow(blocks.size())];
      const auto c = static_cast<char32_t>(first + random.randbelow(size));
      if (c < 0xD800 || (c >= 0xE000 && c < 0x110000)) append_utf8(text, c);
    }
    ASSERT_EQ(to_unicode_form(text, UnicodeForm::Nfc), composed_by_utf8proc(text)) << text;
  }
}

TEST(Normalizer, StepsFollowOneAnother) {
  const std::vector<NormalizerStep> steps{Prepend{"_"}, Replace{" ", true, "_"},
                                          Replace{"\\s+", false, "~"}};
  EXPECT_EQ(normalize(steps, "a b\n\nc"), "_a_b~c");
  EXPECT_EQ(normalize(steps, ""), "");
}

TEST(Normalizer, PatternsBecomePcre2s) {
  EXPECT_EQ(to_pcre2("[^\\s\\p{L}]|\\S|\\\\s"), "[^\\p{White_Space}\\p{L}]|\\P{White_Space}|\\\\s");
  EXPECT_NE(tests::error_of([] { to_pcre2("\\h"); }).find("not supported"), std::string::npos);
}

}  // namespace
}  // namespace hylo::models
