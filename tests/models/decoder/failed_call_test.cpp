// What a call that fails on its way through the layers leaves of its sequences.
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include "models/decoder/decoder.h"
#include "models/weights/checkpoint.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using ::testing::HasSubstr;
using tests::error_of;

const LayerSpec attention{
    AttentionSpec{.num_heads = 3, .num_kv_heads = 1, .head_width = 6, .rope = {.width = 6}},
    SwiGluSpec{.width = 7}};
const LayerSpec recurrent{
    GatedDeltaSpec{.num_key_heads = 1, .num_heads = 3, .key_width = 4, .value_width = 6},
    SwiGluSpec{.width = 7}};

/// A decoder, and the same one whose last layer cannot be computed.
struct Network {
  explicit Network(const LayerSpec& first)
      : config{.backbone = {},
               .vocabulary_size = 37,
               .width = 10,
               .layers = {first, attention},
               .final_norm_epsilon = {},
               .bos = {},
               .eos = {},
               .pad = {}},
        whole(config, random_weights(config, NumberType::Float32, 1)),
        broken(config, with_a_wrong_shape(random_weights(config, NumberType::Float32, 1))),
        cache(config, {.type = at::kFloat, .page_tokens = 4, .max_tokens = 64}) {}

  static ModelWeights with_a_wrong_shape(ModelWeights weights) {
    std::get<SwiGluWeights>(weights.layers.back().feed_forward).down.weight_OI =
        at::zeros({10, 8}, at::TensorOptions().dtype(at::kFloat));
    return weights;
  }
  static at::Tensor feed(const Decoder& decoder, SequenceCache& sequence,
                         const std::vector<int32_t>& tokens) {
    return decoder.forward(tokens, {{{&sequence, std::ssize(tokens)}}}).normed_ND;
  }

  ModelConfig config;
  Decoder whole, broken;
  Cache cache;
};

TEST(FailedCall, AttentionGoesOnAsIfItHadNotBeenMade) {
  Network network(attention);
  auto failed = network.cache.new_sequence(), other = network.cache.new_sequence();
  Network::feed(network.whole, failed, {1, 2, 3, 4, 5});
  Network::feed(network.whole, other, {1, 2, 3, 4, 5});
  EXPECT_THAT(error_of([&] {
                Network::feed(network.broken, failed, {6, 7});
              }),
              HasSubstr("linear: x [2, 7] and weight [10, 8]"));
  EXPECT_EQ(failed.num_tokens(), 5);
  EXPECT_TRUE(at::equal(Network::feed(network.whole, failed, {8, 9, 10}),
                        Network::feed(network.whole, other, {8, 9, 10})));
}

TEST(FailedCall, ARecurrentSequenceIsRefusedByNameUntilItBeginsAgain) {
  Network network(recurrent);
  auto sequence = network.cache.new_sequence(), other = network.cache.new_sequence();
  Network::feed(network.whole, sequence, {1, 2, 3, 4, 5});
  auto fork = sequence.fork();
  error_of([&] { Network::feed(network.broken, sequence, {6, 7}); });
  EXPECT_THAT(error_of([&] { Network::feed(network.whole, sequence, {6}); }),
              HasSubstr("a call failed while this sequence of 5 tokens was in it"));
  EXPECT_THAT(error_of([&] { (void)sequence.fork(); }), HasSubstr("a call failed"));
  EXPECT_THAT(error_of([&] { sequence.truncate(5); }), HasSubstr("a call failed"));
  auto moved = std::move(sequence);
  EXPECT_THAT(error_of([&] { (void)moved.fork(); }), HasSubstr("a call failed"));
  moved.truncate(0);
  EXPECT_TRUE(at::equal(Network::feed(network.whole, moved, {1, 2, 3}),
                        Network::feed(network.whole, other, {1, 2, 3})));
  moved = network.cache.new_sequence();
  Network::feed(network.whole, moved, {1, 2, 3, 4, 5});
  EXPECT_TRUE(at::equal(Network::feed(network.whole, moved, {6, 7}),
                        Network::feed(network.whole, fork, {6, 7})));
}

TEST(FailedCall, WhatIsRefusedBeforeTheLayersChangesNothing) {
  Network network(recurrent);
  auto sequence = network.cache.new_sequence(), other = network.cache.new_sequence();
  Network::feed(network.whole, sequence, {1, 2, 3});
  Network::feed(network.whole, other, {1, 2, 3});
  EXPECT_THAT(error_of([&] {
                Network::feed(network.whole, sequence, {4, 37});
              }),
              HasSubstr("token 37 at row 1"));
  const std::vector<int32_t> more_than_there_is_room_for(80, 1);
  EXPECT_THAT(
      error_of([&] { Network::feed(network.whole, sequence, more_than_there_is_room_for); }),
      HasSubstr("cache: all 16 pages"));
  EXPECT_TRUE(at::equal(Network::feed(network.whole, sequence, {5, 6}),
                        Network::feed(network.whole, other, {5, 6})));
}

}  // namespace
}  // namespace hylo::models
