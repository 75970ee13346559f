// Plans beside config.json: what they mean, and what is wrong with them in the words of their keys.
#include <gmock/gmock.h>

#include <cmath>

#include "harness/base/json.h"
#include "models/config/hf_config.h"
#include "models/config/write_config.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::error_of;

Json backbone(const char* architecture = "LlamaForCausalLM") {
  return {
      {"architectures", {architecture}}, {"vocab_size", 100},      {"hidden_size", 48},
      {"intermediate_size", 40},         {"num_hidden_layers", 4}, {"num_attention_heads", 4},
      {"num_key_value_heads", 2},        {"head_dim", 12},         {"rms_norm_eps", 1e-5},
      {"max_position_embeddings", 1024}, {"rope_theta", 5e5},      {"tie_word_embeddings", true}};
}

Json hylo_plan() {
  return {{"hidden_size", 48},
          {"n_layer", 4},
          {"mla_layers", {1, 3}},
          {"rms_norm_eps", 1e-5},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 2},
          {"kv_lora_rank", 16},
          {"q_lora_rank", 24},
          {"qk_rope_head_dim", 6},
          {"qk_nope_head_dim", 10},
          {"v_head_dim", 12},
          {"rope_theta", 5e5},
          {"rope_scaling",
           {{"factor", 4.0}, {"original_max_position_embeddings", 32}, {"rope_type", "yarn"}}},
          {"ssm_cfg", {{"expand", 1}, {"ngroups", 4}, {"d_state", 12}}},
          {"d_inner", 48},
          {"d_xb", 24},
          {"linear_type", "gdn"},
          {"gdn_num_heads", 3},
          {"gdn_head_dim", 8}};
}

Json mamba_plan() {
  return {{"d_model", 48}, {"ssm_cfg", {{"expand", 1}, {"ngroups", 4}, {"d_state", 12}}},
          {"d_inner", 48}, {"d_xb", 24},
          {"n_layer", 4},  {"attn_layers", {1, 3}}};
}

Json with(Json json, const Json& more) {
  json.update(more);
  return json;
}

/// A checkpoint folder without weights.
class Folder {
 public:
  explicit Folder(const Json& config = backbone()) { write("config.json", config); }
  Folder& write(const char* name, const Json& json) {
    write_json_file(folder_ / name, json);
    return *this;
  }
  [[nodiscard]] ModelConfig config() const { return read_hf_config(folder_.path()); }
  [[nodiscard]] std::string refusal() const {
    return error_of([&] { (void)config(); });
  }
  [[nodiscard]] const std::filesystem::path& path() const { return folder_.path(); }

 private:
  tests::TemporaryFolder folder_;
};

ModelConfig hylo(const Json& more = Json::object()) {
  return Folder().write("hybrid_config.json", with(hylo_plan(), more)).config();
}
std::string hylo_refusal(const Json& more) {
  return Folder().write("hybrid_config.json", with(hylo_plan(), more)).refusal();
}

TEST(UpcycledFamilies, EveryLayerOfAHyloBackboneIsReplaced) {
  const auto config = hylo();
  EXPECT_EQ(config.family, Family::Hylo);
  EXPECT_EQ(config.backbone, Family::Llama);
  EXPECT_EQ(config.layers[0].mixer,
            MixerSpec(GatedDeltaSpec{
                .num_key_heads = 3, .num_heads = 3, .key_width = 8, .value_width = 16}));
  const MlaSpec latent{
      .num_heads = 4,
      .num_kv_heads = 2,
      .latent_rank = 16,
      .query_rank = 24,
      .nope_width = 10,
      .rope_width = 6,
      .value_width = 12,
      .scale = 0.25,
      .rope = {
          .theta = 5e5, .width = 6, .scaling = YarnScaling{.factor = 4, .original_length = 32}}};
  EXPECT_EQ(config.layers[1].mixer, MixerSpec(latent));
  EXPECT_EQ(config.max_positions, 128);  // YaRN's, not the backbone's
}

TEST(UpcycledFamilies, WithoutALinearTypeThePlanIsZebrasAndTheContextTheBackbones) {
  auto plan = hylo_plan();
  plan.erase("linear_type");
  const auto config = Folder().write("hybrid_config.json", plan).config();
  const Mamba2Spec mamba{.num_heads = 4,
                         .num_value_heads = 2,
                         .num_key_heads = 2,
                         .num_query_heads = 4,
                         .key_width = 12,
                         .value_width = 12,
                         .norm_groups = 4};
  EXPECT_EQ(config.layers[0].mixer, MixerSpec(mamba));
  EXPECT_EQ(config.max_positions, 1024);
}

TEST(UpcycledFamilies, RopeOfTypeLlama3MeansYarnInAPlan) {
  const Json older{{"factor", 4.0},
                   {"original_max_position_embeddings", 32},
                   {"low_freq_factor", 1.0},
                   {"high_freq_factor", 4.0},
                   {"rope_type", "llama3"}};
  EXPECT_EQ(hylo({{"rope_scaling", older}}), hylo());
}

TEST(UpcycledFamilies, YarnWithoutAnOriginalLengthStandsOn4096) {
  const auto config = hylo({{"rope_scaling", {{"factor", 2.0}, {"type", "yarn"}}}});
  const auto& rope = std::get<MlaSpec>(config.layers[1].mixer).rope;
  EXPECT_EQ(std::get<YarnScaling>(rope.scaling).original_length, 4096);
}

TEST(UpcycledFamilies, AllHeadsHaveKeysWhereThePlanSaysFull) {
  const auto config = hylo({{"use_full_kv_head", true}});
  EXPECT_EQ(std::get<MlaSpec>(config.layers[1].mixer).num_kv_heads, 4);
}

TEST(UpcycledFamilies, PlacementsOutsideOfTheModelAreNamed) {
  EXPECT_THAT(
      hylo_refusal({{"mla_layers", {1, 4}}}),
      HasSubstr("hybrid_config.json.mla_layers[1]: layer 4 is outside of the model, whose 4 "
                "layers are 0 to 3"));
  EXPECT_THAT(hylo_refusal({{"mla_layers", {1, 1}}}), HasSubstr("layer 1 is named twice"));
  EXPECT_THAT(hylo_refusal({{"mla_layers", {1, 2.5}}}), HasSubstr("mla_layers[1]: expected"));
  EXPECT_THAT(hylo_refusal({{"mla_layers", nullptr}}), HasSubstr("mla_layers: missing"));
  EXPECT_THAT(
      hylo_refusal({{"n_layer", 5}}),
      HasSubstr("hybrid_config.json.n_layer: 5, but num_hidden_layers of config.json is 4"));
}

TEST(UpcycledFamilies, WidthsThatDoNotDivideAreNamed) {
  EXPECT_THAT(hylo_refusal({{"num_key_value_heads", 3}}),
              HasSubstr("num_attention_heads 4 is not a multiple of num_key_value_heads 3"));
  EXPECT_THAT(hylo_refusal({{"linear_type", "mamba"}, {"d_inner", 50}}),
              HasSubstr("hybrid_config.json.ssm_cfg: d_inner 50 is not a multiple of d_state 12"));
  EXPECT_THAT(
      hylo_refusal({{"linear_type", "mamba"}, {"d_xb", 36}}),
      HasSubstr("the number of heads 4 is not a multiple of the number of heads in d_xb 3"));
  EXPECT_THAT(hylo_refusal({{"qk_rope_head_dim", 5}}), HasSubstr("qk_rope_head_dim: 5 is odd"));
}

TEST(UpcycledFamilies, WhatIsNotKnownIsRefusedByName) {
  EXPECT_THAT(
      hylo_refusal({{"linear_type", "kda"}}),
      HasSubstr("hybrid_config.json.linear_type: linear layers of kind 'kda' are not known; "
                "known are gdn and mamba"));
  EXPECT_THAT(hylo_refusal({{"rope_scaling", {{"rope_type", "longrope"}, {"factor", 2}}}}),
              HasSubstr("hybrid_config.json.rope_scaling.rope_type: unknown rope type 'longrope'"));
  EXPECT_THAT(hylo_refusal({{"rope_scaling", {{"rope_type", "linear"}, {"factor", 2}}}}),
              HasSubstr("is not known for latent attention"));
  EXPECT_THAT(hylo_refusal({{"rope_type", "su"}}), HasSubstr("'su' is not known; known are yarn"));
  EXPECT_THAT(hylo_refusal({{"hidden_act", "gelu"}}), HasSubstr("hidden_act: 'gelu' is not known"));
}

TEST(UpcycledFamilies, ABackboneOfAnotherFamilyIsRefused) {
  const auto refusal =
      Folder(backbone("MistralForCausalLM")).write("hybrid_config.json", hylo_plan()).refusal();
  EXPECT_THAT(refusal,
              HasSubstr("a plan of layers for a Llama or Qwen3 backbone, but config.json is "
                        "of the family mistral"));
}

TEST(UpcycledFamilies, TwoPlansInOneFolderAreRefused) {
  const auto refusal = Folder()
                           .write("hybrid_config.json", hylo_plan())
                           .write("mamba_config.json", mamba_plan())
                           .refusal();
  EXPECT_THAT(refusal, HasSubstr("holds several plans"));
}

TEST(UpcycledFamilies, MambaInLlamaKeepsTheAttentionThatItsPlanNames) {
  const auto config = Folder().write("mamba_config.json", mamba_plan()).config();
  EXPECT_EQ(config.family, Family::MambaInLlama);
  EXPECT_TRUE(std::holds_alternative<Mamba2Spec>(config.layers[0].mixer));
  EXPECT_TRUE(std::holds_alternative<AttentionSpec>(config.layers[1].mixer));
  const auto outside =
      Folder().write("mamba_config.json", with(mamba_plan(), {{"attn_layers", {9}}})).refusal();
  EXPECT_THAT(outside, HasSubstr("mamba_config.json.attn_layers[0]: layer 9 is outside"));
}

TEST(UpcycledFamilies, XEcoMlaTakesRanksByLayer) {
  const Json plan{{"d_model", 48}, {"n_layer", 4}, {"attn_layers", {2}}};
  auto layers = hylo_plan();
  for (const auto* key : {"mla_layers", "n_layer", "linear_type"}) layers.erase(key);
  layers["layer_rank_list"] = {{"1", {{"q_rank", 30}, {"kv_rank", 18}}}};
  Folder folder;
  EXPECT_THAT(folder.write("MLA_config.json", plan).refusal(),
              HasSubstr("mla_layer_config.json: not found"));
  const auto config = folder.write("mla_layer_config.json", layers).config();
  EXPECT_EQ(std::get<MlaSpec>(config.layers[0].mixer).latent_rank, 16);
  EXPECT_EQ(std::get<MlaSpec>(config.layers[1].mixer).latent_rank, 18);
  EXPECT_EQ(std::get<MlaSpec>(config.layers[1].mixer).query_rank, 30);
  EXPECT_EQ(std::get<MlaSpec>(config.layers[0].mixer).num_kv_heads, 4);
  EXPECT_TRUE(std::holds_alternative<AttentionSpec>(config.layers[2].mixer));
  layers["layer_rank_list"] = {{"4", {{"q_rank", 30}, {"kv_rank", 18}}}};
  EXPECT_THAT(folder.write("mla_layer_config.json", layers).refusal(),
              HasSubstr("layer_rank_list.4: is outside of the model"));
}

TEST(UpcycledFamilies, KeysOfAPlanThatNobodyKnowsAreListedWithTheirFile) {
  Folder folder;
  folder.write("hybrid_config.json", with(hylo_plan(), {{"gdn_expand_v", 1}}));
  EXPECT_THAT(unknown_hf_keys(folder.path()),
              ElementsAre(UnknownKey{"hybrid_config.json", "gdn_expand_v"}));
}

TEST(WriteConfig, NetworksThatThePublishedFormatsCannotExpressAreRefused) {
  auto two_forms = hylo();
  std::get<MlaSpec>(two_forms.layers[1].mixer).latent_rank = 20;
  const auto refusal = [](const ModelConfig& config) {
    return error_of([&] { (void)config_files(config, CheckpointFormat::Published); });
  };
  EXPECT_THAT(refusal(two_forms),
              HasSubstr("cannot express this network: layer 1 would be read back"));
  auto attention = hylo();
  attention.layers[0].mixer = AttentionSpec{};
  EXPECT_THAT(refusal(attention), HasSubstr("layer 0 is attention, but HyLo's published format"));
  auto jet = hylo();
  jet.family = Family::JetNemotron;
  EXPECT_THAT(refusal(jet), HasSubstr("jet_nemotron family are not written"));
  EXPECT_EQ(config_files(two_forms, CheckpointFormat::Own).size(), 1U);
}

}  // namespace
}  // namespace hylo::models
