#include "harness/system/stop_matcher.h"

#include <gmock/gmock.h>

#include "tests/harness/system/letter_tokenizer.h"

namespace hylo::harness {
namespace {

const LetterTokenizer letters;

bool matches(const std::vector<std::string>& stops, const std::vector<int32_t>& generated) {
  return StopMatcher(letters, stops).matches(generated);
}

TEST(StopMatcher, AStopStringInTheLastTokensMatches) {
  EXPECT_TRUE(matches({"xy"}, {'a', 'x', 'y'}));
  EXPECT_TRUE(matches({"no", "y"}, {'a', 'x', 'y'}));
  EXPECT_FALSE(matches({"xy"}, {'a', 'y', 'x'}));
  EXPECT_FALSE(matches({"xy"}, {}));
}

TEST(StopMatcher, AStopStringWithinALongerTokenMatches) {
  EXPECT_TRUE(matches({"c"}, {'a', LetterTokenizer::bc}));
  EXPECT_TRUE(matches({"ab"}, {'a', LetterTokenizer::bc}));
}

// A stop string of 1 token is searched in the text of the last 3.
TEST(StopMatcher, OnlyTheLastTokensAreLookedAt) {
  EXPECT_TRUE(matches({"x"}, {'x', 'a', 'a'}));
  EXPECT_FALSE(matches({"x"}, {'x', 'a', 'a', 'a'}));
}

TEST(StopMatcher, SpecialTokensAreVisible) {
  EXPECT_TRUE(matches({"</s>"}, {'a', LetterTokenizer::eos}));
}

TEST(StopMatcher, AnEmptyStopNeverMatches) { EXPECT_FALSE(matches({""}, {'a', 'b'})); }

TEST(DecodeGenerated, IdsBeyondTheTokenizerHaveNoText) {
  const std::vector<int32_t> ids{'a', 257, 9999, 'd', LetterTokenizer::eos};
  EXPECT_EQ(decode_generated(letters, ids, true), "ad");
  EXPECT_EQ(decode_generated(letters, ids, false), "ad</s>");
}

}  // namespace
}  // namespace hylo::harness
