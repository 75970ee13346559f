#include "tasks/scoring/choices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace hylo::tasks {
namespace {

using testing::ElementsAre;
using testing::Optional;

std::vector<std::optional<double>> values(const std::vector<std::string>& choices, size_t gold,
                                          const std::vector<double>& log_likelihoods) {
  std::vector<std::optional<double>> out;
  for (const auto& v : choice_score(choices, gold, log_likelihoods)) out.push_back(v.value);
  return out;
}

TEST(ChoiceScore, LengthCanChangeTheWinner) {
  // Sums -4 and -6; per character -4/2 and -6/6.
  EXPECT_THAT(values({"ab", "abcdef"}, 0, {-4, -6}),
              ElementsAre(Optional(1.0), Optional(0.0), Optional(0.0)));
}

TEST(ChoiceScore, CharactersAreCodePointsAndBytesAreUtf8) {
  // Two letters in four bytes against three in three: -6/2 < -8/3, but -6/4 > -8/3.
  EXPECT_THAT(values({"\u00e9\u00e9", "abc"}, 0, {-6, -8}),
              ElementsAre(Optional(1.0), Optional(0.0), Optional(1.0)));
}

TEST(ChoiceScore, TheFirstOfEqualMaximaWinsAlsoAfterDivision) {
  EXPECT_THAT(values({"a", "b"}, 0, {-1, -1}), testing::Each(Optional(1.0)));
  EXPECT_THAT(values({"a", "b"}, 1, {-1, -1}), testing::Each(Optional(0.0)));
  EXPECT_THAT(values({"a", "bb"}, 1, {-1, -2}),
              ElementsAre(Optional(0.0), Optional(0.0), Optional(0.0)));
}

TEST(ChoiceScore, ALikelihoodThatIsNotANumberDecidesNothing) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(values({"a", "b"}, 0, {nan, -1}), testing::Each(std::nullopt));
}

TEST(ChoiceScore, AnImpossibleChoiceIsOnlyLeastLikely) {
  const double impossible = -std::numeric_limits<double>::infinity();
  EXPECT_THAT(values({"a", "b"}, 1, {impossible, -1}), testing::Each(Optional(1.0)));
}

}  // namespace
}  // namespace hylo::tasks
