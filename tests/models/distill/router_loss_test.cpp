// Routers that are kept even: the terms by hand, and trainings that have them beside their loss.
#include "models/distill/router_loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/models/distill/learner.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::error_of;
using hylo::tests::TemporaryFolder;
using namespace hylo::models::tests;
using ::testing::HasSubstr;
using RouterTraining = TrainingTest;

/// Of one layer with two experts, one a token.
RouterTerms terms_of(const std::vector<std::vector<double>>& logits) {
  const auto config =
      config_of({{attention, MoeSpec{.num_experts = 2, .experts_per_token = 1, .width = 3}}});
  std::vector<double> flat;
  for (const auto& row : logits) flat.insert(flat.end(), row.begin(), row.end());
  const std::vector logits_NE{at::tensor(flat, at::kDouble).view({std::ssize(logits), 2})};
  return router_terms(config, random_weights(config, NumberType::Float32, 1), logits_NE);
}

// Probabilities 3/4, 1/4: logits ln 3 and 0, log-sum-exp ln 4.
TEST(RouterTerms, AreWorkedByHand) {
  const double ln3 = std::log(3), square = std::log(4) * std::log(4);
  const auto even = terms_of({{ln3, 0}, {0, ln3}});
  EXPECT_NEAR(even.balance.item<double>(), 2 * (0.5 * 0.5 + 0.5 * 0.5), 1e-12);
  EXPECT_NEAR(even.z.item<double>(), square, 1e-12);
  const auto uneven = terms_of({{ln3, 0}, {ln3, 0}});
  EXPECT_NEAR(uneven.balance.item<double>(), 2 * (1 * 0.75), 1e-12);
}

TEST_F(RouterTraining, WithABalanceTakesTheMeansOfAStepHoweverItIsCut) {
  const Learner learner;
  const TemporaryFolder folder, other;
  auto stage = stage_of("count", NextToken{}, 2);
  stage.router = {.z_weight = 0.5};
  Training cut(learner.plan({stage}), folder.path());
  stage.tokens_per_pass = 24;
  Training whole(learner.plan({stage}), other.path());
  Listener first, second;
  cut.run(first.events());
  whole.run(second.events());
  EXPECT_NEAR(first.steps[0].loss.total, second.steps[0].loss.total, 1e-4);
  EXPECT_GT(first.steps[0].loss.total, first.steps[0].loss.cross_entropy);
}

TEST_F(RouterTraining, WithABalanceEvensWhatRoutersChoose) {
  auto config = config_of({{attention, MoeSpec{.num_experts = 4,
                                               .experts_per_token = 1,
                                               .width = 6,
                                               .router = {.normalised = false}}}});
  const auto last_balance = [&](double weight) {
    Learner learner;
    learner.config = config;
    learner.weights = random_weights(config, NumberType::Float32, 5);
    auto stage = stage_of("count", NextToken{}, 60);
    stage.router = {.balance_weight = weight, .z_weight = 1e-9};
    const TemporaryFolder folder;
    Training training(learner.plan({stage}), folder.path());
    Listener listener;
    training.run(listener.events());
    double sum = 0;
    for (size_t i = 50; i < 60; ++i) sum += listener.steps[i].loss.balance;
    return sum / 10;
  };
  EXPECT_LT(last_balance(1), last_balance(0));
}

TEST(RouterLoss, IsRefusedWhereThereIsNothingToKeepEven) {
  auto json = Json::parse(describe(stage_of("s", NextToken{}, 2)).dump());
  json["router"] = {{"balance_weight", 0.01}};
  EXPECT_EQ(read_stage(json, "s").router.balance_weight, 0.01);
  EXPECT_EQ(read_stage(Json::parse(describe(read_stage(json, "s")).dump()), "s"),
            read_stage(json, "s"));
  json["recompute_layers"] = true;
  EXPECT_THAT(error_of([&] { (void)read_stage(json, "s"); }),
              HasSubstr("s.router: where layers are recomputed"));
  json.update({{"recompute_layers", false}, {"kind", "align_layers"}});
  json.erase("z_loss");
  EXPECT_THAT(error_of([&] { (void)read_stage(json, "s"); }),
              HasSubstr("s.router: layers that are aligned one by one"));
}

}  // namespace
}  // namespace hylo::models
