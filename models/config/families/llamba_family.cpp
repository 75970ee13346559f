// Source: cartesia-ai/edge,
// cartesia-pytorch/cartesia_pytorch/Llamba/{configuration_llamba,llamba}.py and
// mixers/discrete_mamba2.py.
#include "models/config/families/base_fields.h"
#include "models/config/families/families.h"

namespace hylo::models {
namespace {

/// Fixed in the published code; norm_epsilon reaches the final norm only.
constexpr double block_norm_epsilon = 1e-5;

DiscreteMamba2Spec read_discrete_mamba2(const Json& json, const std::string& path, int64_t width) {
  JsonReader reader(json, path);
  DiscreteMamba2Spec spec{.num_heads = positive<int64_t>(reader, "n_v_heads"),
                          .num_key_heads = positive<int64_t>(reader, "n_qk_heads"),
                          .key_width = positive<int64_t>(reader, "d_state"),
                          .conv_width = positive_or<int64_t>(reader, "d_conv", 4)};
  const auto inner = positive_or<int64_t>(reader, "expand", 1) * width;
  expect_divides(path, "expand * d_model", inner, "n_v_heads", spec.num_heads);
  expect_divides(path, "n_v_heads", spec.num_heads, "n_qk_heads", spec.num_key_heads);
  spec.value_width = inner / spec.num_heads;
  expect_only(reader, "activation", "identity");
  expect_only(reader, "bias", false);
  expect_only(reader, "conv_bias", true);
  reader.ignore("chunk_size");
  reader.done();
  return spec;
}

SwiGluSpec read_feed_forward(const Json& json, const std::string& path) {
  JsonReader reader(json, path);
  const SwiGluSpec spec{.width = positive<int64_t>(reader, "intermediate_size"),
                        .bias = reader.get_or<bool>("bias", false)};
  expect_only(reader, "act_fn", "silu");
  reader.done();
  return spec;
}

int64_t padded_vocabulary(JsonReader& reader) {
  const auto size = positive<int64_t>(reader, "vocab_size");
  const auto multiple = positive_or<int64_t>(reader, "pad_vocab_size_multiple", 1);
  return (size + multiple - 1) / multiple * multiple;
}

}  // namespace

ModelConfig read_llamba(JsonReader& reader, Family family) {
  refuse_quantised(reader);
  ModelConfig config;
  config.family = family;
  config.vocabulary_size = padded_vocabulary(reader);
  config.width = positive<int64_t>(reader, "d_model");
  config.norm.epsilon = block_norm_epsilon;
  const auto final_epsilon = read_epsilon(reader, "norm_epsilon", block_norm_epsilon);
  if (final_epsilon != block_norm_epsilon) config.final_norm_epsilon = final_epsilon;
  config.tied_head = reader.get_or<bool>("tie_embeddings", false);
  expect_only(reader, "lm_head_bias", false);
  read_type_and_tokens(reader, config);
  const LayerSpec layer{
      read_discrete_mamba2(reader.at("ssm_cfg"), reader.path_of("ssm_cfg"), config.width),
      read_feed_forward(reader.at("mlp_cfg"), reader.path_of("mlp_cfg"))};
  config.layers.assign(read_num_layers(reader, "n_layer"), layer);
  return config;
}

}  // namespace hylo::models
