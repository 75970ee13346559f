#include "tasks/ruler/essay_haystack.h"

#include <gmock/gmock.h>

#include "tests/support/test_data.h"

namespace hylo::tasks::ruler {
namespace {

using testing::HasSubstr;

EssayHaystack haystack_of(std::string_view essay) { return {essay, Punkt::english()}; }

TEST(RulerEssays, RunsOfWhiteSpaceAreOneSpace) {
  EXPECT_EQ(with_single_spaces(" a \n\tb\xC2\xA0\xE3\x80\x80"
                               "c"),
            " a b c");
}

TEST(RulerEssays, WhiteSpaceAtTheEndsLeavesAnEmptyWordThere) {
  const auto essay = haystack_of(" a b ");
  EXPECT_EQ(essay.num_words(), 4);
  EXPECT_EQ(essay.first_words(2), "a");
  EXPECT_EQ(essay.first_words(6), "a b   a");
}

TEST(RulerEssays, WordsBeginAgainWhereTheEssayEnds) {
  const auto essay = haystack_of("a b c");
  EXPECT_EQ(essay.first_words(3), "a b c");
  EXPECT_EQ(essay.first_words(7), "a b c a b c a");
}

TEST(RulerEssays, SentencesAreJoinedByOneSpaceAndAnEmptyGroupIsEmpty) {
  auto essay = haystack_of("It rains. We go! Why?");
  const auto& joined = essay.sentences_of(5);
  ASSERT_EQ(joined.sentences.size(), 3U);
  EXPECT_EQ(joined.group(0, 2), "It rains. We go!");
  EXPECT_EQ(joined.group(1, 1), "");
  EXPECT_EQ(joined.group(2, 3), "Why?");
}

TEST(RulerEssays, AnEmptyEssayIsNamed) {
  EXPECT_THAT(hylo::tests::error_of([] { (void)haystack_of(" \n"); }),
              HasSubstr("essays: expected a text, found none"));
}

}  // namespace
}  // namespace hylo::tasks::ruler
