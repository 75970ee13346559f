// What the families' own keys mean, and what is refused by name.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "models/config/hf_config.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::error_of;

Json small(const char* architecture) {
  return {{"architectures", {architecture}},
          {"vocab_size", 100},
          {"hidden_size", 24},
          {"intermediate_size", 40},
          {"num_hidden_layers", 4},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 2},
          {"head_dim", 8},
          {"max_position_embeddings", 256}};
}
Json with(Json json, const Json& more) {
  json.update(more);
  return json;
}
ModelConfig parsed(const Json& json) { return parse_hf_config(json, "config.json"); }
std::string refusal(const Json& json) {
  return error_of([&] { (void)parsed(json); });
}
std::vector<std::string> kinds(const ModelConfig& config) {
  std::vector<std::string> kinds;
  for (const auto& layer : config.layers) kinds.emplace_back(kind_name(layer.mixer));
  return kinds;
}

Json next() {
  return with(small("Qwen3NextForCausalLM"), {{"linear_num_key_heads", 2},
                                              {"linear_num_value_heads", 4},
                                              {"num_experts", 4},
                                              {"num_experts_per_tok", 2}});
}

TEST(Families, EveryFourthLayerOfQwen3NextIsAttentionUnlessTold) {
  EXPECT_THAT(kinds(parsed(next())),
              ElementsAre("Gated DeltaNet", "Gated DeltaNet", "Gated DeltaNet", "attention"));
  EXPECT_THAT(kinds(parsed(with(next(), {{"full_attention_interval", 2}}))),
              ElementsAre("Gated DeltaNet", "attention", "Gated DeltaNet", "attention"));
}

TEST(Families, Qwen3NextRotatesAQuarterAndCentresItsNormsAtZero) {
  const auto config = parsed(next());
  EXPECT_EQ(std::get<AttentionSpec>(config.layers[3].mixer).rope.width, 2);
  EXPECT_TRUE(std::get<AttentionSpec>(config.layers[3].mixer).output_gate);
  EXPECT_TRUE(config.norm.zero_centred && config.norm.rounded_once);
  EXPECT_THAT(refusal(with(next(), {{"partial_rotary_factor", 0.375}})),
              HasSubstr("3 of the 8 dims of a head would be rotated"));
}

TEST(Families, ExpertsAreWhereStepAndListSay) {
  const auto sparse = [](const Json& more) {
    std::vector<bool> sparse;
    for (const auto& layer : parsed(with(next(), more)).layers) {
      sparse.push_back(std::holds_alternative<MoeSpec>(layer.feed_forward));
    }
    return sparse;
  };
  EXPECT_THAT(sparse(Json::object()), ElementsAre(true, true, true, true));
  EXPECT_THAT(sparse({{"decoder_sparse_step", 2}}), ElementsAre(false, true, false, true));
  EXPECT_THAT(sparse({{"mlp_only_layers", {1}}}), ElementsAre(true, false, true, true));
  EXPECT_THAT(sparse({{"num_experts", 0}}), ElementsAre(false, false, false, false));
  EXPECT_THAT(refusal(with(next(), {{"num_experts_per_tok", 5}})), HasSubstr("5 experts a token"));
  EXPECT_THAT(refusal(with(next(), {{"linear_num_value_heads", 3}})),
              HasSubstr("linear_num_value_heads 3 is not a multiple of linear_num_key_heads 2"));
}

Json deepseek(const char* architecture = "DeepseekV3ForCausalLM") {
  auto json = with(small(architecture), {{"first_k_dense_replace", 4},
                                         {"kv_lora_rank", 8},
                                         {"q_lora_rank", nullptr},
                                         {"qk_nope_head_dim", 12},
                                         {"qk_rope_head_dim", 4},
                                         {"v_head_dim", 6},
                                         {"num_experts_per_tok", 2}});
  json.erase("num_key_value_heads");
  return json;
}

// (12 + 4)^-1/2 = 0.25, times (0.1 ln 4 + 1)^2.
TEST(Families, DeepseeksScaleHoldsYarnsMscale) {
  const Json yarn{{"type", "yarn"}, {"factor", 4.0}, {"mscale", 1.0}, {"mscale_all_dim", 1.0}};
  const auto scale = [](const Json& json) {
    return std::get<MlaSpec>(parsed(json).layers[0].mixer).scale;
  };
  EXPECT_EQ(scale(deepseek()), 0.25);
  EXPECT_DOUBLE_EQ(scale(with(deepseek(), {{"rope_scaling", yarn}})),
                   0.25 * std::pow(0.1 * std::log(4) + 1, 2));
}

TEST(Families, DeepseeksChoicesAreReadOrRefused) {
  EXPECT_TRUE(std::get<MlaSpec>(parsed(deepseek()).layers[0].mixer).interleaved);
  EXPECT_FALSE(
      std::get<MlaSpec>(parsed(with(deepseek(), {{"rope_interleave", false}})).layers[0].mixer)
          .interleaved);
  const auto v2 = deepseek("DeepseekV2ForCausalLM");
  EXPECT_THAT(refusal(with(v2, {{"topk_method", "noaux_tc"}})),
              HasSubstr("config.json.topk_method: 'noaux_tc' is not known; known are greedy, "
                        "group_limited_greedy"));
  EXPECT_THAT(refusal(with(v2, {{"norm_topk_prob", true}})), HasSubstr("norm_topk_prob: 'true'"));
  EXPECT_THAT(refusal(with(deepseek(), {{"scoring_func", "softmax"}})), HasSubstr("scoring_func"));
  EXPECT_THAT(refusal(with(deepseek(), {{"num_key_value_heads", 2}})),
              HasSubstr("gives each of the 4 heads its own keys and values, found 2"));
}

Json kimi(const Json& kda, const Json& full) {
  auto json = deepseek("KimiLinearForCausalLM");
  json["linear_attn_config"] = {{"kda_layers", kda},
                                {"full_attn_layers", full},
                                {"num_heads", 2},
                                {"head_dim", 8},
                                {"short_conv_kernel_size", 4}};
  return json;
}

TEST(Families, KimisLayersCountFromOne) {
  EXPECT_THAT(
      kinds(parsed(kimi({1, 2, 3}, {4}))),
      ElementsAre("Kimi Delta Attention", "Kimi Delta Attention", "Kimi Delta Attention", "MLA"));
  EXPECT_EQ(std::get<MlaSpec>(parsed(kimi({1, 2, 3}, {4})).layers[3].mixer).rope.width, 0);
  EXPECT_THAT(
      refusal(kimi({0, 1, 2}, {3})),
      HasSubstr("kda_layers[0]: layer 0 is outside of the model, whose 4 layers are 1 to 4"));
  EXPECT_THAT(refusal(kimi({1, 2}, {4})), HasSubstr("layer 3 (counted from 1) is in neither"));
  EXPECT_THAT(refusal(kimi({1, 2, 3, 4}, {4})), HasSubstr("layer 4 (counted from 1) is in both"));
}

Json bamba() {
  auto json = with(small("BambaForCausalLM"),
                   {{"mamba_n_heads", 3}, {"mamba_d_state", 5}, {"attn_layer_indices", {2}}});
  json.erase("head_dim");
  return with(json, {{"hidden_size", 48}});
}

TEST(Families, MambasHeadsAreDerivedOrChecked) {
  const auto config = parsed(bamba());
  EXPECT_EQ(std::get<Mamba2Spec>(config.layers[0].mixer).value_width, 32);
  EXPECT_EQ(std::get<AttentionSpec>(config.layers[2].mixer).rope.width, 6);
  EXPECT_EQ(parsed(with(bamba(), {{"mamba_d_head", "auto"}})), config);
  EXPECT_THAT(refusal(with(bamba(), {{"mamba_d_head", 16}})),
              HasSubstr("3 heads of 16 are 48 wide, mamba_expand * hidden_size is 96"));
  EXPECT_THAT(refusal(with(bamba(), {{"mamba_n_groups", 2}})), HasSubstr("mamba_n_groups"));
  EXPECT_THAT(refusal(with(bamba(), {{"attn_layer_indices", {4}}})),
              HasSubstr("attn_layer_indices[0]: layer 4 is outside of the model"));
}

TEST(Families, InfiniteStepsAreReadInEveryForm) {
  for (const Json& infinity : {Json("Infinity"), Json{{"__float__", "Infinity"}}}) {
    const auto config = parsed(with(bamba(), {{"time_step_limit", {0.5, infinity}}}));
    const auto& mamba = std::get<Mamba2Spec>(config.layers[0].mixer);
    EXPECT_EQ(mamba.min_step, 0.5);
    EXPECT_EQ(mamba.max_step, std::numeric_limits<double>::infinity());
  }
  EXPECT_THAT(refusal(with(bamba(), {{"time_step_limit", {0, "much"}}})),
              HasSubstr("config.json.time_step_limit: expected a number or Infinity"));
  EXPECT_THAT(refusal(with(bamba(), {{"time_step_limit", {2, 1}}})), HasSubstr("2 is more than 1"));
}

Json granite() {
  return with(bamba(), {{"architectures", {"GraniteMoeHybridForCausalLM"}},
                        {"layer_types", {"mamba", "attention", "mamba", "mamba"}},
                        {"attention_multiplier", 0.25},
                        {"logits_scaling", 8.0},
                        {"residual_multiplier", 0.5},
                        {"embedding_multiplier", 12}});
}

TEST(Families, GranitesMultipliersAndPositionsAreRead) {
  const auto config = parsed(granite());
  EXPECT_EQ(config.logits_scale, 0.125);
  EXPECT_EQ(config.residual_scale, 0.5);
  EXPECT_EQ(config.embedding_scale, 12);
  const auto& attention = std::get<AttentionSpec>(config.layers[1].mixer);
  EXPECT_EQ(attention.scale, 0.25);
  EXPECT_EQ(attention.rope.width, 0);
  const auto rotating = parsed(with(granite(), {{"position_embedding_type", "rope"}}));
  EXPECT_EQ(std::get<AttentionSpec>(rotating.layers[1].mixer).rope.width, 12);
  EXPECT_THAT(refusal(with(granite(), {{"position_embedding_type", "alibi"}})),
              HasSubstr("'alibi' is not known; known are nope, rope"));
  EXPECT_THAT(refusal(with(granite(), {{"layer_types", {"mamba", "rwkv", "mamba", "mamba"}}})),
              HasSubstr("layer_types[1]: unknown layer type 'rwkv'"));
}

Json jet() {
  return with(
      small("JetNemotronForCausalLM"),
      {{"layer_types", {"jet", "attn", "swa", "jet"}},
       {"efficient_attention_config",
        {{"jet",
          {{"num_heads", 3}, {"head_dim", 96}, {"expand_v", 2.6666666667}, {"norm_eps", "1e-5"}}},
         {"swa", {{"window_size", 7}}}}}});
}

TEST(Families, JetNemotronsValueWidthIsCutOffAndItsEpsilonMayBeAString) {
  const auto config = parsed(jet());
  EXPECT_EQ(config.layers[0].mixer,
            MixerSpec(JetBlockSpec{
                .num_heads = 3, .key_width = 96, .value_width = 256, .generator_width = 96}));
  EXPECT_EQ(std::get<AttentionSpec>(config.layers[2].mixer).window, 7);
  EXPECT_FALSE(std::get<AttentionSpec>(config.layers[1].mixer).window.has_value());
  auto json = jet();
  json["efficient_attention_config"]["jet"]["norm_eps"] = "small";
  EXPECT_THAT(refusal(json),
              HasSubstr("efficient_attention_config.jet.norm_eps: expected a number, "
                        "found 'small'"));
  json = jet();
  json["efficient_attention_config"]["jet"].erase("num_heads");
  EXPECT_THAT(refusal(json), HasSubstr("efficient_attention_config.jet.num_heads: missing"));
}

Json llamba() {
  return {{"architectures", {"LlambaLMHeadModel"}},
          {"vocab_size", 101},
          {"pad_vocab_size_multiple", 8},
          {"d_model", 24},
          {"n_layer", 2},
          {"norm_epsilon", 3e-5},
          {"mlp_cfg", {{"intermediate_size", 40}, {"act_fn", "silu"}}},
          {"ssm_cfg",
           {{"d_state", 5}, {"n_v_heads", 6}, {"n_qk_heads", 3}, {"activation", "identity"}}}};
}

TEST(Families, LlambasVocabularyIsPaddedAndItsEpsilonIsTheFinalNorms) {
  const auto config = parsed(llamba());
  EXPECT_EQ(config.vocabulary_size, 104);
  EXPECT_EQ(config.norm.epsilon, 1e-5);
  EXPECT_EQ(config.final_norm_epsilon, 3e-5);
  EXPECT_EQ(std::get<DiscreteMamba2Spec>(config.layers[0].mixer).value_width, 4);
  auto json = llamba();
  json["ssm_cfg"]["activation"] = "silu";
  EXPECT_THAT(refusal(json),
              HasSubstr("config.json.ssm_cfg.activation: 'silu' is not known; expected identity"));
  json = llamba();
  json["ssm_cfg"]["n_qk_heads"] = 4;
  EXPECT_THAT(refusal(json), HasSubstr("n_v_heads 6 is not a multiple of n_qk_heads 4"));
}

TEST(Families, OlmosAttentionIsNormedBehindAndMayHaveNoPositions) {
  const auto json = small("OlmoHybridForCausalLM");
  const auto config = parsed(json);
  EXPECT_EQ(config.layers[3].connectivity, Connectivity::PostNorm);
  EXPECT_EQ(config.layers[0].connectivity, Connectivity::PreNorm);
  EXPECT_EQ(std::get<AttentionSpec>(config.layers[3].mixer).head_norms, HeadNorms::AllHeads);
  EXPECT_EQ(std::get<GatedDeltaSpec>(config.layers[0].mixer).write_scale, 2);
  EXPECT_EQ(std::get<AttentionSpec>(config.layers[3].mixer).rope.width, 8);
  const auto without = parsed(with(json, {{"rope_parameters", {{"rope_theta", nullptr}}}}));
  EXPECT_EQ(std::get<AttentionSpec>(without.layers[3].mixer).rope.width, 0);
}

TEST(Families, MinitronIsALlamaWhoseHeadsDoNotFillItsWidth) {
  const auto config = parsed(small("LlamaForCausalLM"));
  const auto& attention = std::get<AttentionSpec>(config.layers[0].mixer);
  EXPECT_EQ(config.width, 24);
  EXPECT_EQ(attention.num_heads * attention.head_width, 32);
}

}  // namespace
}  // namespace hylo::models
