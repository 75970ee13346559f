// A dense network with fewer parts: which are kept, and that what is kept is what it was.
#include "models/upcycle/dense_to_narrower.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/upcycle/part_importance.h"
#include "tests/models/hybrids.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::error_of;
using namespace hylo::models::tests;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const AttentionSpec grouped{
    .num_heads = 6, .num_kv_heads = 3, .head_width = 4, .rope = {.width = 4}};

struct Base {
  explicit Base(int64_t num_layers = 3)
      : config(
            config_of(std::vector<LayerSpec>(static_cast<size_t>(num_layers), {grouped, dense}))),
        weights(random_weights(config, NumberType::Float32, 3)) {}
  [[nodiscard]] at::Tensor outputs(const std::vector<int32_t>& tokens) const {
    Batch batch;
    batch.sequences = {{nullptr, std::ssize(tokens)}};
    return Decoder(config, weights).forward(tokens, batch).normed_ND;
  }
  ModelConfig config;
  ModelWeights weights;
};

PartImportance even_importance(const ModelConfig& config) {
  const auto layers = config.layers.size();
  return {.layers = std::vector<double>(layers, 1),
          .channels = std::vector<double>(static_cast<size_t>(config.width), 1),
          .kv_heads = std::vector(layers, std::vector<double>(3, 1)),
          .units = std::vector(layers, std::vector<double>(11, 1))};
}

TEST(MostImportant, AreThePartsOfTheLargestValuesInTheirOrder) {
  const Base base;
  auto importance = even_importance(base.config);
  importance.layers = {0.5, 0.1, 0.9};
  importance.kv_heads[2] = {1, 3, 2};
  const auto kept = most_important(base.config, importance, {.num_kv_heads = 2, .num_layers = 2});
  EXPECT_THAT(kept.layers, ElementsAre(0, 2));
  EXPECT_THAT(kept.kv_heads[0], ElementsAre(0, 1));
  EXPECT_THAT(kept.kv_heads[2], ElementsAre(1, 2));
  EXPECT_EQ(kept.channels.size(), 15U);
  EXPECT_EQ(kept.units[1].size(), 11U);
}

TEST(Narrowed, WithAllPartsIsTheBase) {
  const Base base;
  const auto kept = most_important(base.config, even_importance(base.config), {});
  const auto same = narrowed(base.config, base.weights, kept);
  std::vector<at::Tensor> tensors;
  visit_weights(base.config, base.weights,
                [&](const WeightSlot&, const at::Tensor& tensor) { tensors.push_back(tensor); });
  size_t i = 0;
  visit_weights(base.config, same, [&](const WeightSlot& slot, const at::Tensor& tensor) {
    EXPECT_TRUE(at::equal(tensor, tensors[i++])) << slot.name;
  });
}

/// Parts that do nothing can go: the output projection and the down-projection are 0 for them.
TEST(Narrowed, WithoutHeadsAndUnitsThatDoNothingGivesWhatTheBaseGives) {
  Base base;
  auto importance = even_importance(base.config);
  for (size_t i = 0; i < 3; ++i) {
    auto& layer = base.weights.layers[i];
    std::get<AttentionWeights>(layer.mixer).output.weight_OI.narrow(1, 8, 8).zero_();
    std::get<SwiGluWeights>(layer.feed_forward).down.weight_OI.narrow(1, 4, 3).zero_();
    importance.kv_heads[i][1] = 0;
    for (size_t unit = 4; unit < 7; ++unit) importance.units[i][unit] = 0;
  }
  const NarrowerSizes sizes{.num_kv_heads = 2, .feed_forward_width = 8};
  Base narrow;
  narrow.config = narrower_config(base.config, sizes);
  narrow.weights =
      narrowed(base.config, base.weights, most_important(base.config, importance, sizes));
  const auto tokens = random_tokens(9, 2);
  EXPECT_TRUE(at::allclose(narrow.outputs(tokens), base.outputs(tokens), 1e-4, 1e-5));
}

TEST(Narrowed, OfAllSizesIsANetworkThatRuns) {
  const Base base;
  const NarrowerSizes sizes{
      .width = 9, .num_kv_heads = 1, .feed_forward_width = 5, .num_layers = 2};
  Base narrow;
  narrow.config = narrower_config(base.config, sizes);
  narrow.weights = narrowed(base.config, base.weights,
                            most_important(base.config, even_importance(base.config), sizes));
  EXPECT_EQ(narrow.outputs(random_tokens(5, 2)).size(1), 9);
}

TEST(NarrowerConfig, RefusesWhatIsNotSmallerAndWhatIsNotDense) {
  const Base base;
  EXPECT_THAT(error_of([&] { (void)narrower_config(base.config, {.width = 16}); }),
              HasSubstr("width: expected at most the base's 15, found 16"));
  const auto hybrid = config_of({{grouped, dense}, {mla, dense}});
  EXPECT_THAT(error_of([&] { (void)narrower_config(hybrid, {}); }),
              HasSubstr("layers.1: expected a layer like layer 0"));
}

TEST(PartImportance, IsNothingForPartsThatDoNothing) {
  Base base;
  auto& second = base.weights.layers[1];
  // Values of head 2 are 0; units 3 and 4 are closed; nothing is added to the stream.
  std::get<AttentionWeights>(second.mixer).value.weight_OI.narrow(0, 8, 4).zero_();
  std::get<SwiGluWeights>(second.feed_forward).up.weight_OI.narrow(0, 3, 2).zero_();
  auto& third = base.weights.layers[2];
  std::get<AttentionWeights>(third.mixer).output.weight_OI.zero_();
  std::get<SwiGluWeights>(third.feed_forward).down.weight_OI.zero_();
  const std::vector sequences{random_tokens(7, 1), random_tokens(4, 5)};
  const auto importance = part_importance(Decoder(base.config, base.weights), sequences);
  EXPECT_EQ(importance.kv_heads[1][2], 0);
  EXPECT_GT(importance.kv_heads[1][1], 0);
  EXPECT_EQ(importance.units[1][3], 0);
  EXPECT_GT(importance.units[1][5], 0);
  EXPECT_NEAR(importance.layers[2], 0, 1e-6);
  EXPECT_GT(importance.layers[0], 1e-4);
  EXPECT_EQ(importance.channels.size(), 15U);
}

/// One token sees itself alone: its heads give their values.
TEST(PartImportance, OfHeadsIsTheLengthOfWhatTheyGive) {
  const Base base(1);
  const std::vector<std::vector<int32_t>> sequences{{5}};
  const Decoder model(base.config, base.weights);
  const auto importance = part_importance(model, sequences);
  const auto x = base.weights.embedding_WD.narrow(0, 5, 1);
  const auto scale = (x.square().mean(-1, true) + base.config.norm.epsilon).rsqrt();
  const auto normed = x * scale * base.weights.layers[0].mixer_norm_D;
  const auto values =
      normed.matmul(std::get<AttentionWeights>(base.weights.layers[0].mixer).value.weight_OI.t());
  for (int64_t g = 0; g < 3; ++g) {
    const double length = values.narrow(1, 4 * g, 4).square().sum().sqrt().item<double>();
    EXPECT_NEAR(importance.kv_heads[0][static_cast<size_t>(g)], 2 * length, 1e-4 * length);
  }
}

}  // namespace
}  // namespace hylo::models
