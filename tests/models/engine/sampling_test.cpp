// The next token: each option by hand on a few logits, then by counting draws.
#include "models/engine/sampling.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::error_of;

/// Probabilities 8/16, 4/16, 2/16, 1/16, 1/16 at temperature 1, out of order.
const std::vector<float> halves{std::log(2.0F), std::log(8.0F), std::log(1.0F), std::log(4.0F),
                                std::log(1.0F)};

/// Tokens that are ever drawn.
std::set<int32_t> support(const std::vector<float>& logits, const SamplingOptions& options,
                          const std::vector<int32_t>& seen = {}) {
  CounterRandom random(1);
  std::set<int32_t> tokens;
  for (int i = 0; i < 2000; ++i) tokens.insert(choose_token(logits, seen, options, random));
  return tokens;
}

int32_t greedy(const std::vector<float>& logits, const std::vector<int32_t>& seen = {},
               double penalty = 1) {
  CounterRandom random(1);
  return choose_token(logits, seen, {.repetition_penalty = penalty}, random);
}

/// Draws `num_draws` tokens and holds each count within 5 sigma of its expectation.
void expect_frequencies(const std::vector<float>& logits, const SamplingOptions& options,
                        const std::map<int32_t, double>& expected) {
  constexpr int num_draws = 20000;
  CounterRandom random(42);
  std::map<int32_t, int> counts;
  for (int i = 0; i < num_draws; ++i) ++counts[choose_token(logits, {}, options, random)];
  for (const auto& [token, count] : counts) EXPECT_TRUE(expected.contains(token)) << token;
  for (const auto& [token, p] : expected) {
    EXPECT_NEAR(counts[token], num_draws * p, 5 * std::sqrt(num_draws * p * (1 - p))) << token;
  }
}

TEST(Sampling, Temperature0TakesTheFirstOfTheLargest) {
  EXPECT_EQ(greedy({1, 3, 3, 2}), 1);
  EXPECT_EQ(greedy({-std::numeric_limits<float>::infinity(), -5}), 1);
  EXPECT_EQ(greedy({7}), 0);
}

TEST(Sampling, FrequenciesAreTheProbabilities) {
  expect_frequencies(halves, {.temperature = 1},
                     {{1, 8.0 / 16}, {3, 4.0 / 16}, {0, 2.0 / 16}, {2, 1.0 / 16}, {4, 1.0 / 16}});
}

TEST(Sampling, TemperatureDividesTheLogits) {
  // Twice the temperature is the square root of each weight; here of 4 and 1.
  expect_frequencies({std::log(4.0F), 0}, {.temperature = 2}, {{0, 2.0 / 3}, {1, 1.0 / 3}});
  expect_frequencies({std::log(4.0F), 0}, {.temperature = 0.5}, {{0, 16.0 / 17}, {1, 1.0 / 17}});
}

TEST(Sampling, TopKKeepsTheMostLikelyAndOfEqualsTheFirst) {
  EXPECT_THAT(support(halves, {.temperature = 1, .top_k = 1}), ElementsAre(1));
  EXPECT_THAT(support(halves, {.temperature = 1, .top_k = 4}), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(support(halves, {.temperature = 1, .top_k = 100}), ElementsAre(0, 1, 2, 3, 4));
  expect_frequencies(halves, {.temperature = 1, .top_k = 2}, {{1, 2.0 / 3}, {3, 1.0 / 3}});
}

TEST(Sampling, TopPKeepsTheFewestThatReachIt) {
  EXPECT_THAT(support(halves, {.temperature = 1, .top_p = 0.01}), ElementsAre(1));
  EXPECT_THAT(support(halves, {.temperature = 1, .top_p = 0.49}), ElementsAre(1));
  EXPECT_THAT(support(halves, {.temperature = 1, .top_p = 0.6}), ElementsAre(1, 3));
  EXPECT_THAT(support(halves, {.temperature = 1, .top_p = 0.8}), ElementsAre(0, 1, 3));
  EXPECT_THAT(support(halves, {.temperature = 1, .top_p = 1}), ElementsAre(0, 1, 2, 3, 4));
}

TEST(Sampling, TopPCountsTheMassThatTopKLeft) {
  // Of 8, 4, 2 the first two have 12/14 of the mass, of all five 12/16.
  EXPECT_THAT(support(halves, {.temperature = 1, .top_k = 3, .top_p = 0.8}), ElementsAre(1, 3));
}

TEST(Sampling, MinPKeepsAShareOfTheLargest) {
  EXPECT_THAT(support(halves, {.temperature = 1, .min_p = 0.6}), ElementsAre(1));
  EXPECT_THAT(support(halves, {.temperature = 1, .min_p = 0.2}), ElementsAre(0, 1, 3));
  EXPECT_THAT(support(halves, {.temperature = 1, .min_p = 0.1}), ElementsAre(0, 1, 2, 3, 4));
}

TEST(Sampling, ThePenaltyShrinksWhatIsPositiveAndGrowsWhatIsNegative) {
  EXPECT_EQ(greedy({2, 3}, {1}, 1.4), 1);        // 3 / 1.4 = 2.14
  EXPECT_EQ(greedy({2, 3}, {1}, 1.6), 0);        // 3 / 1.6 = 1.88
  EXPECT_EQ(greedy({-3, -2}, {1}, 1.6), 0);      // -2 * 1.6 = -3.2
  EXPECT_EQ(greedy({2, 3}, {1, 1, 1}, 1.4), 1);  // once, however often it was seen
  EXPECT_EQ(greedy({2, 1.5}, {1}, 0.5), 1);      // below 1 it rewards: 1.5 / 0.5 = 3
}

TEST(Sampling, ThePenaltyComesBeforeTheTemperature) {
  // Weights exp(ln 4 / 2) and 1 after the penalty: 2 to 1.
  CounterRandom random(3);
  int first = 0;
  for (int i = 0; i < 20000; ++i) {
    first += choose_token(std::vector<float>{std::log(4.0F), 0}, std::vector<int32_t>{0},
                          {.temperature = 1, .repetition_penalty = 2}, random) == 0;
  }
  EXPECT_NEAR(first, 20000 * 2.0 / 3, 5 * std::sqrt(20000 * 2.0 / 9));
}

TEST(Sampling, ASeedRepeatsAndTheNextDiffers) {
  const auto draws = [](uint64_t seed) {
    CounterRandom random(seed);
    std::vector<int32_t> tokens;
    for (int i = 0; i < 100; ++i) {
      tokens.push_back(choose_token(halves, {}, {.temperature = 1}, random));
    }
    return tokens;
  };
  EXPECT_EQ(draws(7), draws(7));
  EXPECT_NE(draws(7), draws(8));
}

TEST(Sampling, LogitsOfAnySizeAreSampled) {
  EXPECT_THAT(support({1e4F, -1e4F, 1e4F}, {.temperature = 1}), ElementsAre(0, 2));
  const float masked = -std::numeric_limits<float>::infinity();
  EXPECT_THAT(support({masked, 0, masked, 0}, {.temperature = 1}), ElementsAre(1, 3));
  EXPECT_THAT(support({3, 1}, {.temperature = 1e-3}), ElementsAre(0));
}

TEST(Sampling, AnInfiniteLogitIsAnError) {
  const std::vector<float> logits{1, std::numeric_limits<float>::infinity(), 3};
  CounterRandom random(1);
  EXPECT_THAT(error_of([&] { (void)choose_token(logits, {}, {.temperature = 1}, random); }),
              HasSubstr("the logit of token 1 is infinite"));
}

TEST(Sampling, ATinyTemperatureChoosesTheMostLikely) {
  const std::vector<float> logits{1, 3, 2};
  CounterRandom random(1);
  EXPECT_EQ(choose_token(logits, {}, {.temperature = 1e-310}, random), 1);
}

TEST(Sampling, ANanLogitIsAnErrorWhereverItIs) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const double temperature : {0.0, 1.0}) {
    for (size_t at = 0; at < 3; ++at) {
      std::vector<float> logits{1, 2, 3};
      logits[at] = nan;
      CounterRandom random(1);
      EXPECT_THAT(
          error_of([&] { (void)choose_token(logits, {}, {.temperature = temperature}, random); }),
          HasSubstr(fmt::format("the logit of token {} is NaN", at)));
    }
  }
}

TEST(Sampling, ValuesOutOfRangeAreNamed) {
  const auto refusal = [](const SamplingOptions& options) {
    return error_of([&] { check(options); });
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double bad : {-0.1, nan, std::numeric_limits<double>::infinity()}) {
    EXPECT_THAT(refusal({.temperature = bad}), HasSubstr("temperature: expected 0 or more"));
  }
  EXPECT_THAT(refusal({.top_k = -1}), HasSubstr("top_k: expected 0 (all) or more, found -1"));
  for (const double bad : {0.0, 1.1, nan}) {
    EXPECT_THAT(refusal({.top_p = bad}), HasSubstr("top_p: expected above 0 and at most 1"));
  }
  for (const double bad : {-0.1, 1.0, nan}) {
    EXPECT_THAT(refusal({.min_p = bad}), HasSubstr("min_p: expected from 0 to below 1"));
  }
  for (const double bad : {0.0, -1.0, nan}) {
    EXPECT_THAT(refusal({.repetition_penalty = bad}),
                HasSubstr("repetition_penalty: expected above 0"));
  }
  check({.temperature = 2, .top_k = 5, .top_p = 1, .min_p = 0.99, .repetition_penalty = 0.5});
}

}  // namespace
}  // namespace hylo::models
