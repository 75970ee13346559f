// config.json: both dialects, what it means for windows, and what is refused.
#include "models/config/hf_config.h"

#include <gmock/gmock.h>

#include "harness/base/files.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::error_of;

Json small(const char* architecture = "LlamaForCausalLM") {
  return {{"architectures", {architecture}}, {"vocab_size", 100},      {"hidden_size", 24},
          {"intermediate_size", 40},         {"num_hidden_layers", 3}, {"num_attention_heads", 4},
          {"num_key_value_heads", 2},        {"head_dim", 8},          {"rms_norm_eps", 1e-5},
          {"max_position_embeddings", 256}};
}

Json with(Json json, const Json& more) {
  json.update(more);
  return json;
}

ModelConfig parsed(const Json& json) { return parse_hf_config(json, "config.json"); }
std::string refusal(const Json& more, const char* architecture = "LlamaForCausalLM") {
  return error_of([&] { (void)parsed(with(small(architecture), more)); });
}

const AttentionSpec& attention(const ModelConfig& config, size_t layer = 0) {
  return std::get<AttentionSpec>(config.layers.at(layer).mixer);
}
std::vector<int64_t> windows(const ModelConfig& config) {
  std::vector<int64_t> windows;
  for (size_t i = 0; i < config.layers.size(); ++i) {
    windows.push_back(attention(config, i).window.value_or(0));
  }
  return windows;
}

TEST(HfConfig, EveryFieldOfASmallLlamaIsRead) {
  const auto config = parsed(with(small(), {{"bos_token_id", 1},
                                            {"eos_token_id", {2, 3}},
                                            {"pad_token_id", nullptr},
                                            {"tie_word_embeddings", true},
                                            {"mlp_bias", true},
                                            {"torch_dtype", "bfloat16"}}));
  EXPECT_EQ(config.family, Family::Llama);
  EXPECT_EQ(config.vocabulary_size, 100);
  EXPECT_EQ(config.width, 24);
  EXPECT_EQ(config.layers.size(), 3U);
  EXPECT_EQ(config.norm.epsilon, 1e-5);
  EXPECT_EQ(config.max_positions, 256);
  EXPECT_TRUE(config.tied_head);
  EXPECT_EQ(config.stored, NumberType::BFloat16);
  EXPECT_EQ(config.bos, 1);
  EXPECT_THAT(config.eos, ElementsAre(2, 3));
  EXPECT_FALSE(config.pad.has_value());
  EXPECT_EQ(attention(config).num_heads, 4);
  EXPECT_EQ(attention(config).num_kv_heads, 2);
  EXPECT_EQ(attention(config).head_width, 8);
  EXPECT_EQ(attention(config).rope, (RopeSpec{.theta = 10000, .width = 8}));
  EXPECT_EQ(std::get<SwiGluSpec>(config.layers[0].feed_forward),
            (SwiGluSpec{.width = 40, .bias = true}));
}

TEST(HfConfig, HeadWidthIsDerivedOnlyWhereItIsNotGiven) {
  auto json = small();
  json["head_dim"] = nullptr;
  EXPECT_EQ(attention(parsed(json)).head_width, 6);
  json.erase("num_key_value_heads");
  EXPECT_EQ(attention(parsed(json)).num_kv_heads, 4);
}

TEST(HfConfig, FamiliesDifferInBiasesAndHeadNorms) {
  const auto of = [](const char* architecture, bool bias) {
    return attention(parsed(with(small(architecture), {{"attention_bias", bias}})));
  };
  EXPECT_TRUE(of("Qwen2ForCausalLM", false).input_bias);
  EXPECT_FALSE(of("Qwen2ForCausalLM", true).output_bias);
  EXPECT_EQ(of("Qwen3ForCausalLM", false).head_norms, HeadNorms::PerHead);
  EXPECT_FALSE(of("Qwen3ForCausalLM", false).input_bias);
  EXPECT_EQ(of("LlamaForCausalLM", false).head_norms, HeadNorms::None);
  EXPECT_TRUE(of("LlamaForCausalLM", true).output_bias);
}

TEST(HfConfig, TheModelTypeServesWhereArchitecturesAreNotGiven) {
  auto json = small();
  json.erase("architectures");
  json["model_type"] = "mistral";
  EXPECT_EQ(parsed(json).family, Family::Mistral);
  json["model_type"] = "gpt2";
  EXPECT_THAT(error_of([&] { (void)parsed(json); }),
              HasSubstr("config.json: unknown model_type 'gpt2'; known are LlamaForCausalLM"));
}

TEST(HfConfig, BothDialectsOfEveryRopeTypeMeanTheSame) {
  const std::vector<std::pair<Json, RopeScaling>> cases{
      {{{"rope_type", "default"}}, {}},
      {{{"rope_type", "linear"}, {"factor", 4.0}}, LinearScaling{4}},
      {{{"rope_type", "dynamic"}, {"factor", 2.0}}, DynamicScaling{2, 256}},
      {{{"rope_type", "dynamic"}, {"factor", 2.0}, {"original_max_position_embeddings", 64}},
       DynamicScaling{2, 64}},
      {{{"rope_type", "llama3"},
        {"factor", 8.0},
        {"low_freq_factor", 1.0},
        {"high_freq_factor", 4.0},
        {"original_max_position_embeddings", 128}},
       Llama3Scaling{8, 1, 4, 128}},
      {{{"rope_type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 64}},
       YarnScaling{.factor = 4, .original_length = 64}},
      {{{"rope_type", "yarn"},
        {"factor", 4.0},
        {"original_max_position_embeddings", 64},
        {"beta_fast", 16.0},
        {"beta_slow", 2.0},
        {"attention_factor", 1.5},
        {"mscale", 1.0},
        {"mscale_all_dim", 0.5},
        {"truncate", false}},
       YarnScaling{4, 64, 16, 2, 1.5, 1.0, 0.5, false}},
  };
  for (const auto& [rope, expected] : cases) {
    const auto old_type = [&] {  // before rope_type there was type
      Json json = rope;
      json.erase("rope_type");
      json["type"] = rope.at("rope_type");
      return json;
    }();
    const RopeSpec spec{.theta = 5000, .width = 8, .scaling = expected};
    const auto now =
        parsed(with(small(), {{"rope_parameters", with(rope, {{"rope_theta", 5000.0}})}}));
    EXPECT_EQ(attention(now).rope, spec) << rope;
    EXPECT_EQ(parsed(with(small(), {{"rope_theta", 5000}, {"rope_scaling", rope}})), now) << rope;
    EXPECT_EQ(parsed(with(small(), {{"rope_theta", 5000}, {"rope_scaling", old_type}})), now)
        << rope;
    EXPECT_EQ(parsed(Json::parse(write_hf_config(now).dump())), now) << rope;
  }
}

TEST(HfConfig, MistralSeesEveryLayerThroughItsWindow) {
  const auto of = [](const Json& window) {
    return windows(parsed(with(small("MistralForCausalLM"), {{"sliding_window", window}})));
  };
  EXPECT_THAT(of(7), ElementsAre(7, 7, 7));
  EXPECT_THAT(of(nullptr), ElementsAre(0, 0, 0));
  EXPECT_THAT(windows(parsed(with(small(), {{"sliding_window", 7}}))), ElementsAre(0, 0, 0));
}

TEST(HfConfig, QwenUsesItsWindowFromALayerOnAndOnlyWhenTold) {
  const auto of = [](const Json& more) {
    return windows(parsed(with(with(small("Qwen3ForCausalLM"), {{"sliding_window", 7}}), more)));
  };
  EXPECT_THAT(of(Json::object()), ElementsAre(0, 0, 0));
  EXPECT_THAT(of({{"use_sliding_window", false}, {"max_window_layers", 1}}), ElementsAre(0, 0, 0));
  EXPECT_THAT(of({{"use_sliding_window", true}, {"max_window_layers", 1}}), ElementsAre(0, 7, 7));
  EXPECT_THAT(of({{"use_sliding_window", true}, {"max_window_layers", 0}}), ElementsAre(7, 7, 7));
  EXPECT_THAT(of({{"use_sliding_window", true}}), ElementsAre(0, 0, 0));  // 28 layers without
}

TEST(HfConfig, LayerTypesDecideWhereTheyAreGiven) {
  const Json types{"full_attention", "sliding_attention", "full_attention"};
  const auto config =
      parsed(with(small("Qwen2ForCausalLM"), {{"sliding_window", 5}, {"layer_types", types}}));
  EXPECT_THAT(windows(config), ElementsAre(0, 5, 0));
  EXPECT_EQ(parsed(Json::parse(write_hf_config(config).dump())), config);
  EXPECT_THAT(refusal({{"layer_types", types}}),
              HasSubstr("config.json.layer_types[1]: sliding_attention needs sliding_window"));
  EXPECT_THAT(refusal({{"layer_types", {"full_attention"}}}),
              HasSubstr("config.json.layer_types: 1 entries for 3 layers"));
  EXPECT_THAT(refusal({{"layer_types", {"full_attention", "linear_attention", "full_attention"}}}),
              HasSubstr("layer_types[1]: unknown layer type 'linear_attention'"));
}

TEST(HfConfig, WhatIsNotUnderstoodIsRefusedByName) {
  EXPECT_THAT(refusal({{"architectures", {"GPT2LMHeadModel"}}}),
              HasSubstr("unknown architecture 'GPT2LMHeadModel'; known are LlamaForCausalLM"));
  EXPECT_THAT(refusal({{"architectures", Json::array()}}), HasSubstr("architectures is empty"));
  EXPECT_THAT(refusal({{"rope_scaling", {{"rope_type", "longrope"}, {"factor", 2}}}}),
              HasSubstr("config.json.rope_scaling.rope_type: unknown rope type 'longrope'; known "
                        "are default, linear, dynamic, llama3, yarn"));
  EXPECT_THAT(refusal({{"rope_scaling", {{"rope_type", "linear"}, {"faktor", 2}}}}),
              HasSubstr("config.json.rope_scaling.factor: missing"));
  EXPECT_THAT(refusal({{"rope_parameters", {{"rope_type", "default"}, {"spread", 2}}}}),
              HasSubstr("config.json.rope_parameters.spread: unknown key"));
  EXPECT_THAT(refusal({{"rope_parameters", {{"partial_rotary_factor", 0.5}}}}),
              HasSubstr("partial rotation (0.5)"));
  EXPECT_THAT(refusal({{"quantization_config", {{"bits", 4}}}}),
              HasSubstr("config.json.quantization_config: quantised checkpoints are not read"));
  EXPECT_THAT(refusal({{"hidden_act", "gelu"}}), HasSubstr("'gelu' is not known; expected silu"));
  EXPECT_THAT(refusal({{"torch_dtype", "float8"}}), HasSubstr("unknown type 'float8'"));
}

TEST(HfConfig, WidthsThatDoNotFitAreRefused) {
  EXPECT_THAT(refusal({{"head_dim", 7}}), HasSubstr("head_dim 7 is odd"));
  EXPECT_THAT(refusal({{"num_key_value_heads", 3}}),
              HasSubstr("num_attention_heads 4 is not a multiple of num_key_value_heads 3"));
}

TEST(HfConfig, NumbersThatCannotBeAreRefusedWithKeyAndValue) {
  for (const auto* key :
       {"vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
        "num_attention_heads", "num_key_value_heads", "head_dim", "max_position_embeddings"}) {
    for (const Json& value : {Json(0), Json(-4)}) {
      EXPECT_THAT(refusal({{key, value}}),
                  AllOf(HasSubstr(std::string("config.json.") + key), HasSubstr(value.dump())))
          << key;
    }
    for (const Json& value : {Json("64"), Json(2.5), Json(true), Json::array({4})}) {
      EXPECT_THAT(refusal({{key, value}}), HasSubstr(std::string("config.json.") + key)) << key;
    }
  }
  for (const auto* key : {"rms_norm_eps", "rope_theta"}) {
    for (const Json& value : {Json(-1e-6), Json("1e-5")}) {
      EXPECT_THAT(refusal({{key, value}}), HasSubstr(std::string("config.json.") + key)) << key;
    }
  }
  EXPECT_THAT(refusal({{"sliding_window", 0}}, "MistralForCausalLM"),
              HasSubstr("config.json.sliding_window: expected at least 1, found 0"));
  EXPECT_THAT(
      refusal({{"sliding_window", 5}, {"use_sliding_window", true}, {"max_window_layers", -1}},
              "Qwen3ForCausalLM"),
      HasSubstr("config.json.max_window_layers: expected 0 or more, found -1"));
  EXPECT_THAT(refusal({{"num_hidden_layers", 1000000000}}), HasSubstr("1000000000 layers"));
  for (const auto* key : {"factor", "low_freq_factor", "original_max_position_embeddings"}) {
    Json rope{{"rope_type", "llama3"},
              {"factor", 8},
              {"low_freq_factor", 1},
              {"high_freq_factor", 4},
              {"original_max_position_embeddings", 64}};
    rope[key] = 0;
    EXPECT_THAT(refusal({{"rope_scaling", rope}}), HasSubstr(std::string("rope_scaling.") + key));
  }
}

TEST(HfConfig, MissingKeysAreNamed) {
  for (const auto* key : {"vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
                          "num_attention_heads"}) {
    auto json = small();
    json.erase(key);
    EXPECT_THAT(error_of([&] { (void)parsed(json); }),
                HasSubstr(fmt::format("config.json.{}: missing", key)));
  }
}

TEST(HfConfig, KeysThatNobodyKnowsAreListed) {
  EXPECT_TRUE(unknown_hf_keys(with(small(), {{"use_cache", true}}), "config.json").empty());
  EXPECT_TRUE(unknown_hf_keys(with(small(), {{"bos_token_id", nullptr}}), "config.json").empty());
  EXPECT_THAT(unknown_hf_keys(with(small(), {{"logit_softcap", 30}}), "config.json"),
              ElementsAre("logit_softcap"));
}

TEST(HfConfig, AFolderAddsTheEndTokensOfItsGenerationConfig) {
  const tests::TemporaryFolder folder;
  write_json_file(folder / "config.json", with(small(), {{"eos_token_id", 2}}));
  EXPECT_THAT(read_hf_config(folder.path()).eos, ElementsAre(2));
  write_json_file(folder / "generation_config.json",
                  {{"eos_token_id", {2, 7}}, {"bos_token_id", 1}});
  EXPECT_THAT(read_hf_config(folder.path()).eos, ElementsAre(2, 7));
  EXPECT_EQ(read_hf_config(folder.path()).bos, 1);
}

TEST(HfConfig, AFolderWithoutAConfigIsToldApartFromNoFolder) {
  const tests::TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { (void)read_hf_config(folder.path()); }),
              HasSubstr("config.json: not found"));
  EXPECT_THAT(error_of([&] { (void)read_hf_config(folder / "absent"); }),
              HasSubstr("absent: no such folder"));
}

TEST(HfConfig, LayersThatDifferInMoreThanTheirWindowCannotBeWritten) {
  auto config = parsed(small());
  std::get<AttentionSpec>(config.layers[1].mixer).num_kv_heads = 4;
  EXPECT_THAT(error_of([&] { (void)write_hf_config(config); }),
              HasSubstr("these differ in more than their window"));
  auto two_windows = parsed(small("Qwen3ForCausalLM"));
  std::get<AttentionSpec>(two_windows.layers[0].mixer).window = 5;
  std::get<AttentionSpec>(two_windows.layers[1].mixer).window = 6;
  EXPECT_THAT(error_of([&] { (void)write_hf_config(two_windows); }),
              HasSubstr("one window for all layers; found 5 and 6"));
}

}  // namespace
}  // namespace hylo::models
