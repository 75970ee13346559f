// Searches for a placement on small hybrids whose best layers are known.
#include "models/upcycle/placement_search.h"

#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "models/upcycle/layer_selection.h"
#include "tests/models/hybrids.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t num_layers = 5;

TokenDocuments documents() {
  TokenDocuments all("tokens of the test");
  for (uint64_t d = 0; d < 6; ++d)
    all.add(tests::random_tokens(5 + 3 * static_cast<int64_t>(d), d));
  return all;
}

ModelConfig config() {
  return tests::config_of(std::vector<LayerSpec>(num_layers, {tests::attention, tests::dense}));
}

Decoder teacher() { return {config(), random_weights(config(), NumberType::Float32, 1)}; }

/// The teacher with the output of its mixers multiplied, layer by layer: 1 leaves one as it is.
Decoder damaged(const Decoder& whole, const std::vector<double>& factors) {
  auto weights = whole.weights();
  for (size_t i = 0; i < factors.size(); ++i) {
    auto& output = std::get<AttentionWeights>(weights.layers[i].mixer).output.weight_OI;
    output = output * factors[i];
  }
  return {whole.config(), std::move(weights)};
}

TEST(Divergence, DifferencesArePairedByDocument) {
  const Divergence a{{4, 6}, {2, 2}}, b{{2, 2}, {2, 2}};
  const auto paired = difference(a, b);
  // Sums of 6 over 4 rows; documents lie 1 nat from the mean of 3: sqrt(2 x 2 / 1) / 4.
  EXPECT_DOUBLE_EQ(paired.mean, 1.5);
  EXPECT_DOUBLE_EQ(paired.standard_error, 0.5);
  EXPECT_DOUBLE_EQ(a.mean(), 2.5);
}

TEST(DivergenceMeter, OfTheTeacherItselfIsZeroAndDocumentsAreCutOff) {
  const auto whole = teacher();
  const DivergenceMeter meter(whole, documents(), 10);
  EXPECT_EQ(meter.num_documents(), 6);
  EXPECT_EQ(meter.num_rows(), 5 + 8 + 4 * 10);
  const auto none = meter.of(whole);
  EXPECT_NEAR(none.mean(), 0, 1e-6);
  EXPECT_GT(meter.of(damaged(whole, {0, 1, 1, 1, 1})).mean(), 1e-4);
}

TEST(MixedStudent, TakesWholeLayersAndTheFinalNormWithTheLast) {
  const auto a = teacher();
  const Decoder b(config(), random_weights(config(), NumberType::Float32, 2));
  const int64_t second[] = {1}, last[] = {4};
  const auto mixed = mixed_student(a, b, second);
  EXPECT_TRUE(mixed.weights().layers[1].mixer_norm_D.is_same(b.weights().layers[1].mixer_norm_D));
  EXPECT_TRUE(mixed.weights().layers[0].mixer_norm_D.is_same(a.weights().layers[0].mixer_norm_D));
  EXPECT_TRUE(mixed.weights().final_norm_D.is_same(a.weights().final_norm_D));
  EXPECT_TRUE(mixed_student(a, b, last).weights().final_norm_D.is_same(b.weights().final_norm_D));
}

/// Layers 1 and 4 lack their mixers in the weaker student; the others are the teacher's.
class SearchTest : public ::testing::Test {
 protected:
  SearchTest()
      : whole_(teacher()),
        weaker_(damaged(whole_, {1, 0, 1, 1, 0})),
        meter_(whole_, documents(), 64) {}
  PlacementSearch search(SearchMethod method, int64_t count) const {
    return search_placement(method, {whole_, weaker_, &whole_}, meter_, count);
  }
  Decoder whole_, weaker_;
  DivergenceMeter meter_;
};

TEST_F(SearchTest, SmartScoresWhatALayerAloneGainsAndFollowsTheRuleOfGaps) {
  const auto found = search(SearchMethod::Smart, 2);
  ASSERT_EQ(found.scores.size(), 5U);
  std::vector<double> divergences, scores;
  for (const auto& score : found.scores) {
    divergences.push_back(score.divergence);
    scores.push_back(score.score);
  }
  const auto expected = sensitivities(found.start, divergences);
  for (size_t i = 0; i < scores.size(); ++i) EXPECT_NEAR(scores[i], expected[i], 1e-9);
  EXPECT_NEAR(scores[0], 0, 1e-7);
  EXPECT_NEAR(scores[2], 0, 1e-7);
  EXPECT_GT(scores[1], 10 * found.scores[0].standard_error);
  EXPECT_EQ(found.chosen, select_smart(scores, 2).layers);
}

TEST_F(SearchTest, GreedyTakesTheLayersThatAreMissedAndEndsAtTheTeacher) {
  const auto found = search(SearchMethod::KlGreedy, 2);
  EXPECT_THAT(found.chosen, ElementsAre(1, 4));
  ASSERT_EQ(found.scores.size(), 5U + 4U);
  EXPECT_EQ(found.scores.back().round, 1);
  double least = 1;
  for (const auto& score : found.scores) least = std::min(least, score.divergence);
  EXPECT_NEAR(least, 0, 1e-6);
}

TEST_F(SearchTest, GreedyBeginsWithTheScoresOfSmart) {
  const auto greedy = search(SearchMethod::KlGreedy, 1), smart = search(SearchMethod::Smart, 1);
  EXPECT_EQ(greedy.chosen, smart.chosen);
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(greedy.scores[i].score, smart.scores[i].score);
}

TEST_F(SearchTest, LeaveOneOutKeepsWhatTheTeacherMissesMost) {
  const auto found =
      search_placement(SearchMethod::LeaveOneOut, {whole_, weaker_, nullptr}, meter_, 2);
  EXPECT_THAT(found.chosen, ElementsAre(1, 4));
  EXPECT_NEAR(found.scores[0].score, 0, 1e-6);
  EXPECT_EQ(found.start, 0);
}

TEST_F(SearchTest, RefusesWhatItCannotMeasure) {
  EXPECT_THAT(error_of([&] { (void)search(SearchMethod::Smart, 6); }), HasSubstr("1 to 5"));
  EXPECT_THAT(error_of([&] {
                (void)search_placement(SearchMethod::Smart, {whole_, weaker_, nullptr}, meter_, 1);
              }),
              HasSubstr("stronger kind"));
  const Decoder other(tests::all_kinds(),
                      random_weights(tests::all_kinds(), NumberType::Float32, 1));
  EXPECT_THAT(error_of([&] {
                (void)search_placement(SearchMethod::Smart, {whole_, other, &other}, meter_, 1);
              }),
              HasSubstr("the teacher has 5 layers"));
}

// Of another seed everything differs, and nothing but the weights would tell.
TEST_F(SearchTest, RefusesCandidatesOfAnotherBase) {
  const Decoder other(config(), random_weights(config(), NumberType::Float32, 2));
  EXPECT_THAT(error_of([&] {
                search_placement(SearchMethod::Smart, {whole_, other, &whole_}, meter_, 1);
              }),
              HasSubstr("the weaker student has another embedding or head"));
  EXPECT_THAT(error_of([&] {
                search_placement(SearchMethod::Smart, {whole_, weaker_, &other}, meter_, 1);
              }),
              HasSubstr("the stronger student has another embedding or head"));
}

TEST(SearchMethods, AreKnownByName) {
  EXPECT_EQ(search_method_named("kl-greedy"), SearchMethod::KlGreedy);
  EXPECT_EQ(search_method_named("[]"), std::nullopt);
  EXPECT_EQ(name_of(SearchMethod::LeaveOneOut), "leave-one-out");
}

}  // namespace
}  // namespace hylo::models
