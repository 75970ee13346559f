// The project's own config.json: exact both ways, and strict.
#include "models/config/own_config.h"

#include <gmock/gmock.h>

#include <limits>

#include "models/config/catalog.h"
#include "models/config/hf_config.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using ::testing::HasSubstr;
using tests::error_of;

/// Every alternative and every optional that is set, with numbers that binary cannot hold.
ModelConfig odd_network() {
  const RopeSpec rope{.theta = 1e6 / 3,
                      .width = 4,
                      .scaling = YarnScaling{.factor = 1.1,
                                             .original_length = 7,
                                             .attention_factor = 0.1,
                                             .mscale = 0.707,
                                             .mscale_all_dim = 0.3,
                                             .truncate = false}};
  const MoeSpec moe{.num_experts = 6,
                    .experts_per_token = 2,
                    .width = 8,
                    .router = {.kind = RouterKind::Sigmoid, .scale = 2.446, .num_groups = 3},
                    .shared_width = 5,
                    .shared_gate = true};
  return {.family = Family::KimiLinear,
          .backbone = Family::Qwen3,
          .vocabulary_size = 11,
          .width = 7,
          .layers = {{AttentionSpec{.num_heads = 2,
                                    .num_kv_heads = 1,
                                    .head_width = 6,
                                    .head_norms = HeadNorms::AllHeads,
                                    .scale = 0.1,
                                    .window = 9,
                                    .rope = rope},
                      moe, Connectivity::PostNorm},
                     {MlaSpec{.num_heads = 2,
                              .num_kv_heads = 2,
                              .latent_rank = 3,
                              .nope_width = 2,
                              .rope_width = 4,
                              .value_width = 5,
                              .scale = 1.0 / 3,
                              .rope = rope},
                      NoFeedForward{}},
                     {Mamba2Spec{.num_heads = 4,
                                 .num_value_heads = 4,
                                 .num_key_heads = 2,
                                 .num_query_heads = 2,
                                 .key_width = 3,
                                 .value_width = 5},
                      SwiGluSpec{.width = 4, .bias = true}},
                     {DiscreteMamba2Spec{4, 2, 3, 5}, SwiGluSpec{.width = 4}},
                     {GatedDeltaSpec{.num_key_heads = 2,
                                     .num_heads = 4,
                                     .key_width = 3,
                                     .value_width = 5,
                                     .write_scale = 2},
                      SwiGluSpec{.width = 4}},
                     {KimiDeltaSpec{4, 3}, SwiGluSpec{.width = 4}},
                     {JetBlockSpec{4, 3, 5, 4, 2}, SwiGluSpec{.width = 4}}},
          .norm = {.epsilon = 1e-5 / 3, .zero_centred = true},
          .final_norm_epsilon = 1e-7,
          .embedding_scale = 0.1,
          .logits_scale = 1.0 / 3,
          .bos = 1,
          .eos = {2, 3},
          .pad = {}};
}

Json written() { return Json::parse(write_own_config(odd_network()).dump()); }
std::string refusal(const Json& json) {
  return error_of([&] { (void)parse_hf_config(json, "config.json"); });
}

TEST(OwnConfig, EveryFieldOfEveryKindIsReadBackExactly) {
  EXPECT_EQ(parse_hf_config(written(), "config.json"), odd_network());
}

TEST(OwnConfig, AnInfiniteLimitOfStepsIsAWord) {
  EXPECT_EQ(written().at("layers")[2].at("mixer").at("max_step"), "Infinity");
}

TEST(OwnConfig, KindsOfANewerVersionAreNamedWithTheirLayer) {
  auto json = written();
  json["layers"][3]["mixer"]["kind"] = "rwkv";
  EXPECT_THAT(refusal(json),
              HasSubstr("config.json.layers[3].mixer.kind: unknown kind 'rwkv'; known are "
                        "attention, mla, mamba2, discrete_mamba2, gated_delta, kimi_delta, "
                        "jet_block; the checkpoint may be newer than this hylo"));
  json = written();
  json["layers"][0]["connectivity"] = "far_skip";
  EXPECT_THAT(refusal(json), HasSubstr("config.json.layers[0].connectivity: \"far_skip\" is not "
                                       "known; known are pre_norm, post_norm"));
}

TEST(OwnConfig, MissingAndUnknownKeysAreNamedWithTheirPath) {
  auto json = written();
  json["layers"][1]["mixer"].erase("latent_rank");
  EXPECT_THAT(refusal(json), HasSubstr("config.json.layers[1].mixer.latent_rank: missing"));
  json = written();
  json["layers"][1]["mixer"]["rope"]["scaling"]["spread"] = 1;
  EXPECT_THAT(refusal(json),
              HasSubstr("config.json.layers[1].mixer.rope.scaling.spread: unknown key"));
  json = written();
  json["extra"] = 1;
  EXPECT_THAT(refusal(json), HasSubstr("config.json.extra: unknown key"));
}

TEST(OwnConfig, NumbersThatCannotBeAreRefused) {
  auto json = written();
  json["layers"][4]["mixer"]["num_heads"] = 5;
  EXPECT_THAT(refusal(json), HasSubstr("config.json.layers[4].mixer: num_heads 5 is not a multiple "
                                       "of num_key_heads 2"));
  json = written();
  json["layers"][4]["mixer"]["key_width"] = 2.5;
  EXPECT_THAT(refusal(json), HasSubstr("key_width: expected a whole number, found 2.5"));
  json = written();
  json["layers"] = Json::array();
  EXPECT_THAT(refusal(json), HasSubstr("config.json.layers: expected at least one"));
  json = written();
  json["layers"][0]["feed_forward"]["experts_per_token"] = 7;
  EXPECT_THAT(refusal(json), HasSubstr("layers[0].feed_forward.experts_per_token: 7 of 6 experts"));
}

TEST(OwnConfig, WhereWeightsComeFromIsKeptAndMayBeAbsent) {
  const Provenance provenance{.teacher = "llama-3.2-1b",
                              .teacher_sha256 = "0123",
                              .recipe = "hylo_1b",
                              .commit = "abcd",
                              .seed = 18446744073709551615U};
  const auto json = Json::parse(write_own_config(odd_network(), provenance).dump());
  EXPECT_EQ(read_provenance(json, "config.json"), provenance);
  EXPECT_EQ(parse_hf_config(json, "config.json"), odd_network());
  EXPECT_EQ(read_provenance(written(), "config.json"), std::nullopt);
}

}  // namespace
}  // namespace hylo::models
