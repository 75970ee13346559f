// Granite's published format: experts, and gate with up, packed into one tensor each.
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include "models/config/hf_config.h"
#include "models/config/write_config.h"
#include "models/weights/checkpoint.h"
#include "models/weights/safetensors.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::error_of;
using tests::TemporaryFolder;

const AttentionSpec attention{.num_heads = 3, .num_kv_heads = 1, .head_width = 4, .scale = 0.25};
const Mamba2Spec mamba{.num_heads = 4,
                       .num_value_heads = 4,
                       .num_key_heads = 2,
                       .num_query_heads = 2,
                       .key_width = 5,
                       .value_width = 6,
                       .norm_groups = 2};
const MoeSpec experts{.num_experts = 3,
                      .experts_per_token = 2,
                      .width = 5,
                      .router = {.kind = RouterKind::TopThenSoftmax},
                      .shared_width = 7};

ModelConfig granite(const FeedForwardSpec& feed_forward) {
  return {.family = Family::GraniteHybrid,
          .backbone = {},
          .vocabulary_size = 11,
          .width = 12,
          .layers = {{mamba, feed_forward}, {attention, feed_forward}},
          .norm = {.epsilon = 1e-5},
          .final_norm_epsilon = {},
          .tied_head = true,
          .embedding_scale = 12,
          .residual_scale = 0.22,
          .logits_scale = 1.0 / 49,
          .max_positions = 64,
          .stored = NumberType::Float32,
          .bos = {},
          .eos = {3},
          .pad = {}};
}

void expect_read_back(const ModelConfig& config, const WriteOptions& options = {}) {
  const TemporaryFolder folder;
  const auto weights = random_weights(config, NumberType::Float32, 1);
  write_checkpoint(folder.path(), config, weights, options);
  const auto read = open_checkpoint(folder.path());
  EXPECT_FALSE(read.spelling.own);
  EXPECT_EQ(read.config, config);
  std::vector<at::Tensor> wanted, found;
  visit_weights(config, weights,
                [&](const WeightSlot&, const at::Tensor& t) { wanted.push_back(t); });
  visit_weights(config, read.weights, [&](const WeightSlot& slot, const at::Tensor& t) {
    EXPECT_TRUE(at::equal(t, wanted.at(found.size()))) << slot.name;
    found.push_back(t);
  });
  EXPECT_EQ(found.size(), wanted.size());
}

TEST(Granite, ItsFormatIsReadBackBitByBit) {
  expect_read_back(granite(experts));
  expect_read_back(granite(SwiGluSpec{.width = 9}));
  expect_read_back(granite(experts), {.max_file_bytes = 1});
}

TEST(Granite, NetworksOfOneKindAndLimitsOfStepsAreReadBack) {
  auto config = granite(experts);
  config.layers = {{attention, experts}, {attention, experts}};
  expect_read_back(config);
  auto limited = mamba;
  limited.min_step = 0.001;
  config.layers = {{limited, experts}};
  expect_read_back(config);
}

// By hand: 3 experts of 5, of gate and up, over a width of 12.
TEST(Granite, ExpertsOfALayerAreOneTensor) {
  const TemporaryFolder folder;
  const auto config = granite(experts);
  write_checkpoint(folder.path(), config, random_weights(config, NumberType::Float32, 1));
  const SafetensorsFile file(folder / "model.safetensors");
  const auto shape = [&](const char* name) {
    return file.entries().at(std::string("model.layers.0.") + name).shape;
  };
  EXPECT_THAT(shape("block_sparse_moe.input_linear.weight"), ElementsAre(3, 10, 12));
  EXPECT_THAT(shape("block_sparse_moe.output_linear.weight"), ElementsAre(3, 12, 5));
  EXPECT_THAT(shape("shared_mlp.input_linear.weight"), ElementsAre(14, 12));
}

TEST(Granite, WhatTheFormatHasNoRoomForIsRefused) {
  const auto refusal = [](const ModelConfig& config) {
    return error_of([&] { (void)config_files(config, CheckpointFormat::Published); });
  };
  auto wider = attention;
  wider.num_kv_heads = 3;
  auto config = granite(experts);
  config.layers.push_back({wider, experts});
  EXPECT_THAT(refusal(config), HasSubstr("layer 1 would be read back otherwise"));
  config.layers[2].mixer = GatedDeltaSpec{.num_key_heads = 1, .num_heads = 1, .key_width = 4};
  EXPECT_THAT(refusal(config), HasSubstr("layer 2 is Gated DeltaNet, but Granite's published"));
  EXPECT_THAT(refusal(granite(NoFeedForward{})), HasSubstr("a feed-forward in every layer"));
  EXPECT_EQ(config_files(config, CheckpointFormat::Own).size(), 1U);
}

}  // namespace
}  // namespace hylo::models
