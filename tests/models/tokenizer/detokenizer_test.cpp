#include "models/tokenizer/detokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using testing::ElementsAre;
using Ids = std::vector<int32_t>;

/// What each push returns, and then finish.
std::vector<std::string> stream(const Tokenizer& tokenizer, const Ids& ids) {
  Detokenizer detokenizer(tokenizer);
  std::vector<std::string> texts;
  for (const int32_t id : ids) texts.push_back(detokenizer.push(id));
  texts.push_back(detokenizer.finish());
  return texts;
}

class ByteLevelDetokenizer : public testing::Test {
 protected:
  std::unique_ptr<Tokenizer> tokenizer_ = load_tokenizer(tests::fixture("tokenizers/llama3-like"));
  std::vector<std::string> stream(const Ids& ids) { return models::stream(*tokenizer_, ids); }
};

TEST_F(ByteLevelDetokenizer, NeverReturnsHalfACharacter) {
  EXPECT_THAT(stream({0xE4, 0xBD, 0xA0, 259}), ElementsAre("", "", "\u4F60", "hello", ""));
}

TEST_F(ByteLevelDetokenizer, ABrokenCharacterIsOneReplacementAsSoonAsItIsKnown) {
  EXPECT_THAT(stream({0xE4, 0xBD, 'a'}), ElementsAre("", "", "\uFFFDa", ""));
  EXPECT_THAT(stream({0xFF, 'a'}), ElementsAre("\uFFFD", "a", ""));
  EXPECT_THAT(stream({0xE4, 0xBD}), ElementsAre("", "", "\uFFFD"));
  EXPECT_THAT(stream({0xE0, 0x80, 'a'}), ElementsAre("", "\uFFFD\uFFFD", "a", ""));  // overlong
  EXPECT_THAT(stream({0xED, 0xA0, 0x80}),
              ElementsAre("", "\uFFFD\uFFFD", "\uFFFD", ""));              // surrogate
  EXPECT_THAT(stream({0xF4, 0x90}), ElementsAre("", "\uFFFD\uFFFD", ""));  // beyond U+10FFFF
}

TEST_F(ByteLevelDetokenizer, SpecialTokensVanishOnlyOnRequest) {
  EXPECT_THAT(stream({269, 'a', 270}), ElementsAre("", "a", "", ""));
  Detokenizer keeping(*tokenizer_, {.skip_special_tokens = false});
  EXPECT_EQ(keeping.push(270), "<|end_of_text|>");
}

TEST_F(ByteLevelDetokenizer, BeginsANewTextAfterFinish) {
  Detokenizer detokenizer(*tokenizer_);
  EXPECT_EQ(detokenizer.push(0xE4), "");
  EXPECT_EQ(detokenizer.finish(), "\uFFFD");
  EXPECT_EQ(detokenizer.push('a'), "a");
  EXPECT_EQ(detokenizer.finish(), "");
}

class ByteFallbackDetokenizer : public testing::Test {
 protected:
  std::unique_ptr<Tokenizer> tokenizer_ =
      load_tokenizer(tests::fixture("tokenizers/sentencepiece-like"));
  std::vector<std::string> stream(const Ids& ids) { return models::stream(*tokenizer_, ids); }
};

TEST_F(ByteFallbackDetokenizer, HoldsARunOfBytesUntilItEnds) {
  EXPECT_THAT(stream({3 + 0xC3, 3 + 0xA9, 260}), ElementsAre("", "", "\u00E9a", ""));
  EXPECT_THAT(stream({3 + 0xC3, 3 + 0xA9}), ElementsAre("", "", "\u00E9"));
  EXPECT_THAT(stream({3 + 'A', 3 + 0xC3, 260}), ElementsAre("", "", "\uFFFD\uFFFDa", ""));
}

TEST_F(ByteFallbackDetokenizer, DropsOneBlankInFrontOfTheText) {
  EXPECT_THAT(stream({1, 265, 265}), ElementsAre("", "ab", " ab", ""));
  EXPECT_THAT(stream({259, 265}), ElementsAre("", " ab", ""));
  EXPECT_THAT(stream({266, 265}), ElementsAre(" ", " ab", ""));
  EXPECT_THAT(stream({260, 265}), ElementsAre("a", " ab", ""));
}

TEST_F(ByteFallbackDetokenizer, DropsItAgainInTheNextText) {
  Detokenizer detokenizer(*tokenizer_);
  EXPECT_EQ(detokenizer.push(265), "ab");
  EXPECT_EQ(detokenizer.finish(), "");
  EXPECT_EQ(detokenizer.push(265), "ab");
}

}  // namespace
}  // namespace hylo::models
