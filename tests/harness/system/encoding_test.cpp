#include "harness/system/encoding.h"

#include <gmock/gmock.h>

#include "tests/harness/system/letter_tokenizer.h"
#include "tests/support/test_data.h"

namespace hylo::harness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::error_of;

const LetterTokenizer letters;
const LetterTokenizer letters_with_bos{true, true};
const LetterTokenizer letters_without_special{false};

TEST(EncodePair, WhiteSpaceAtTheEndOfTheContextMovesToTheContinuation) {
  const auto pair = encode_pair(letters, "ab \n", "cd");
  EXPECT_THAT(pair.context, ElementsAre('a', 'b'));
  EXPECT_THAT(pair.continuation, ElementsAre(' ', '\n', 'c', 'd'));
  EXPECT_FALSE(pair.boundary_merged);
}

TEST(EncodePair, BosBelongsToTheContext) {
  const auto pair = encode_pair(letters_with_bos, "a", "d");
  EXPECT_THAT(pair.context, ElementsAre(LetterTokenizer::bos, 'a'));
  EXPECT_THAT(pair.continuation, ElementsAre('d'));
}

TEST(EncodePair, AnEmptyContextIsThePrefixToken) {
  const auto pair = encode_pair(letters, "", "ad");
  EXPECT_THAT(pair.context, ElementsAre(LetterTokenizer::bos));
  EXPECT_THAT(pair.continuation, ElementsAre('a', 'd'));
}

TEST(EncodePair, AContinuationThatBeginsWithThePrefixTokenIsNotGivenItTwice) {
  EXPECT_THAT(encode_pair(letters, "", "\x01z").continuation, ElementsAre('z'));
}

// Alone the context is a, b; inside the whole it is a, bc.
TEST(EncodePair, ATokenAcrossTheBoundaryIsNotedAndCountsAsContext) {
  const auto pair = encode_pair(letters, "ab", "cd");
  EXPECT_TRUE(pair.boundary_merged);
  EXPECT_THAT(pair.context, ElementsAre('a', 'b'));
  EXPECT_THAT(pair.continuation, ElementsAre('d'));
}

TEST(EncodePair, AContinuationThatTheBoundarySwallowsIsAnError) {
  EXPECT_THAT(error_of([] { encode_pair(letters, "ab", "c"); }), HasSubstr("nothing to score"));
  EXPECT_THAT(error_of([] { encode_pair(letters, "ab", ""); }), HasSubstr("nothing to score"));
}

TEST(EncodePair, AContextOfWhiteSpaceNeedsATokenizerThatAddsBos) {
  EXPECT_THAT(error_of([] { encode_pair(letters, "  ", "d"); }),
              HasSubstr("the context has no tokens"));
  const auto pair = encode_pair(letters_with_bos, "  ", "d");
  EXPECT_THAT(pair.context, ElementsAre(LetterTokenizer::bos));
  EXPECT_THAT(pair.continuation, ElementsAre(' ', ' ', 'd'));
}

TEST(EncodePair, WithoutBosAndEosNothingCanBePredictedFromNothing) {
  EXPECT_THAT(error_of([] { encode_pair(letters_without_special, "", "d"); }),
              HasSubstr("tokenizer_config.json"));
}

// Prefix 1 and the text 10 .. 16 in windows of 3: each token is predicted once.
TEST(RollingWindows, AreThoseWorkedByHand) {
  const auto windows = rolling_windows({10, 11, 12, 13, 14, 15, 16}, 1, 3);
  ASSERT_EQ(windows.size(), 3);
  EXPECT_THAT(windows[0].tokens, ElementsAre(1, 10, 11, 12));
  EXPECT_EQ(windows[0].num_scored, 3);
  EXPECT_THAT(windows[1].tokens, ElementsAre(12, 13, 14, 15));
  EXPECT_EQ(windows[1].num_scored, 3);
  EXPECT_THAT(windows[2].tokens, ElementsAre(13, 14, 15, 16));
  EXPECT_EQ(windows[2].num_scored, 1);
}

TEST(RollingWindows, AShortTextIsOneWindow) {
  const auto windows = rolling_windows({10, 11}, 1, 5);
  ASSERT_EQ(windows.size(), 1);
  EXPECT_THAT(windows[0].tokens, ElementsAre(1, 10, 11));
  EXPECT_EQ(windows[0].num_scored, 2);
}

TEST(RollingWindows, ATextThatFillsItsWindowsHasNoFurtherOne) {
  const auto windows = rolling_windows({10, 11, 12, 13}, 1, 2);
  ASSERT_EQ(windows.size(), 2);
  EXPECT_THAT(windows[1].tokens, ElementsAre(11, 12, 13));
  EXPECT_EQ(windows[1].num_scored, 2);
  EXPECT_THAT(rolling_windows({}, 1, 2), IsEmpty());
}

TEST(CutAtStops, TheTextEndsBeforeTheFirstOccurrenceOfEachStop) {
  EXPECT_EQ(cut_at_stops("one Q: two A: three", {"A:", "Q:"}), "one ");
  EXPECT_EQ(cut_at_stops("one Q: two Q: three", {"Q:"}), "one ");
  EXPECT_EQ(cut_at_stops("Q:", {"Q:"}), "");
}

TEST(CutAtStops, WithoutAStopInItATextStaysWhole) {
  EXPECT_EQ(cut_at_stops("one", {"Q:", ""}), "one");
  EXPECT_EQ(cut_at_stops("one", {}), "one");
}

}  // namespace
}  // namespace hylo::harness
