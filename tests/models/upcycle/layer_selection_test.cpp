// Which layers get the stronger mixer: rules on numbers.
#include "models/upcycle/layer_selection.h"

#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include "harness/base/json.h"
#include "harness/base/random.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::error_of;

std::vector<double> random_scores(int64_t count, uint64_t seed) {
  CounterRandom random(seed);
  std::vector<double> scores;
  for (int64_t i = 0; i < count; ++i) scores.push_back(random.uniform());
  return scores;
}

/// Every placement between two ends whose gaps are as the rule wants them, walked one by one.
struct Walk {
  std::span<const double> scores;
  int64_t short_gap, long_gap, last, count;
  double best = -INFINITY;
  int64_t placements = 0;

  void from(int64_t layer, int64_t chosen, double sum) {
    if (chosen == count && layer == last) {
      best = std::max(best, sum);
      ++placements;
    }
    if (chosen == count) return;
    for (const int64_t gap : std::set{short_gap, long_gap}) {
      if (layer + gap <= last) from(layer + gap, chosen + 1, sum + scores[layer + gap]);
    }
  }
};

TEST(LayerSelection, SmartTakesTheBestEndsAndTheBestOfEqualGaps) {
  // Windows of 2: layer 1 of {0, 1}, layer 6 of {6, 7}. Gaps 2 and 3: [1, 3, 6] or [1, 4, 6].
  const std::vector<double> scores{0, 5, 100, 1, 2, 100, 4, 3};
  EXPECT_EQ(select_smart(scores, 3),
            (SmartSelection{.layers = {1, 4, 6}, .total_score = 11, .num_placements = 2}));
}

TEST(LayerSelection, SmartOfEqualPlacementsTakesTheFirst) {
  EXPECT_THAT(select_smart(std::vector<double>(8, 1), 3).layers, ElementsAre(0, 3, 6));
  EXPECT_THAT(select_smart(std::vector<double>(7, 1), 3).layers, ElementsAre(0, 2, 5));
}

TEST(LayerSelection, SmartOfOneLayerIsTheBestOfAllIsAll) {
  const std::vector<double> scores{1, 3, 2};
  EXPECT_THAT(select_smart(scores, 1).layers, ElementsAre(1));
  EXPECT_THAT(select_smart(scores, 2).layers, ElementsAre(0, 2));
  EXPECT_THAT(select_smart(scores, 3).layers, ElementsAre(0, 1, 2));
}

TEST(LayerSelection, SmartFindsWhatAWalkOverAllPlacementsFinds) {
  for (const int64_t num_layers : {5, 16, 28, 33}) {
    const auto scores = random_scores(num_layers, num_layers);
    for (int64_t count = 2; count <= std::min<int64_t>(num_layers, 14); ++count) {
      const auto chosen = select_smart(scores, count);
      const int64_t first = chosen.layers.front(), last = chosen.layers.back();
      const int64_t span = last - first, gaps = count - 1;
      Walk walk{scores, span / gaps, (span + gaps - 1) / gaps, last, count};
      walk.from(first, 1, scores[first]);
      EXPECT_NEAR(chosen.total_score, walk.best, 1e-12) << num_layers << " " << count;
      EXPECT_EQ(chosen.num_placements, walk.placements) << num_layers << " " << count;
      double sum = 0;
      for (const auto layer : chosen.layers) sum += scores[layer];
      EXPECT_NEAR(chosen.total_score, sum, 1e-12);
    }
  }
}

TEST(LayerSelection, SmartOfHundredsOfLayersIsNoWalk) {
  const auto chosen = select_smart(random_scores(400, 1), 90);
  EXPECT_EQ(chosen.layers.size(), 90U);
  EXPECT_GT(chosen.num_placements, 1e12);
}

TEST(LayerSelection, SensitivityIsWhatALayerTakesFromTheDivergence) {
  const std::vector<double> with{1.5, 2.5};
  EXPECT_THAT(sensitivities(2, with), ElementsAre(DoubleEq(0.5), DoubleEq(-0.5)));
}

TEST(LayerSelection, EveryThirdLayerAndAList) {
  EXPECT_THAT(every_nth_layer(8, 3), ElementsAre(0, 3, 6));
  EXPECT_THAT(every_nth_layer(8, 3, 2), ElementsAre(2, 5));
  EXPECT_THAT(every_nth_layer(8, 9), ElementsAre(0));
  EXPECT_THAT(listed_layers({4, 0, 2}, 5), ElementsAre(0, 2, 4));
}

TEST(LayerSelection, WhatCannotBeChosenIsRefused) {
  const std::vector<double> scores{1, 2, 3};
  EXPECT_THAT(error_of([&] { (void)select_smart(scores, 4); }),
              HasSubstr("layers to select: expected 1 to 3, found 4"));
  EXPECT_THAT(error_of([&] { (void)select_smart(scores, 0); }), HasSubstr("found 0"));
  EXPECT_THAT(error_of([&] {
                (void)select_smart(std::vector<double>{1, NAN}, 1);
              }),
              HasSubstr("score of layer 1: expected a number"));
  EXPECT_THAT(error_of([&] { (void)sensitivities(INFINITY, scores); }),
              HasSubstr("sensitivity of layer 0"));
  EXPECT_THAT(error_of([&] { (void)every_nth_layer(4, 0); }), HasSubstr("found 0"));
  EXPECT_THAT(error_of([&] { (void)every_nth_layer(4, 2, 4); }), HasSubstr("0 to 3, found 4"));
  EXPECT_THAT(error_of([&] { (void)listed_layers({1, 1}, 4); }), HasSubstr("1 is named twice"));
  EXPECT_THAT(error_of([&] { (void)listed_layers({4}, 4); }), HasSubstr("0 to 3, found 4"));
}

TEST(LayerSelectionGoldens, SmartChoosesWhatTheReferenceChooses) {
  const auto file = tests::golden("lineage-goldens/train/smart.json");
  if (!file) GTEST_SKIP() << tests::skip_reason("HYLO_TEST_DATA", "lineage-goldens");
  const auto cases = read_json_file(*file);
  ASSERT_GE(cases.size(), 5U);
  for (const auto& c : cases) {
    const auto scores = sensitivities(c.at("kl_linear_only").get<double>(),
                                      c.at("kl_with_mla_at_layer").get<std::vector<double>>());
    const auto chosen = select_smart(scores, c.at("n").get<int64_t>());
    EXPECT_EQ(chosen.layers, c.at("chosen").get<std::vector<int64_t>>());
    EXPECT_NEAR(chosen.total_score, c.at("total_score").get<double>(), 1e-12);
    EXPECT_EQ(chosen.num_placements, c.at("placements").get<double>());
  }
}

}  // namespace
}  // namespace hylo::models
