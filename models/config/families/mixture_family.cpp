// Source: huggingface/transformers, src/transformers/models/{mixtral,qwen3_moe}.
#include "models/config/families/attention_keys.h"
#include "models/config/families/expert_keys.h"
#include "models/config/families/families.h"

namespace hylo::models {
namespace {

constexpr double mixtral_theta = 1e6;

ModelConfig read_mixtral(JsonReader& reader) {
  auto config = read_base_fields(reader, Family::Mixtral, 131072, 1e-5);
  auto attention =
      read_attention(reader, config.width,
                     {.num_kv_heads = 8,
                      .head_width = {},
                      .rope = {.max_positions = config.max_positions, .theta = mixtral_theta}});
  attention.window = read_window(reader);
  const auto experts = first_given(reader, {"num_local_experts", "num_experts"});
  const MoeSpec mixture{.num_experts = positive_or<int64_t>(reader, experts, 8),
                        .experts_per_token = positive_or<int64_t>(reader, "num_experts_per_tok", 2),
                        .width = positive<int64_t>(reader, "intermediate_size"),
                        .router = {.normalised = true}};
  check_mixture(mixture, reader.path_of(experts));
  config.layers.assign(read_num_layers(reader), {attention, mixture});
  return config;
}

ModelConfig read_qwen3_moe(JsonReader& reader) {
  auto config = read_base_fields(reader, Family::Qwen3Moe, 32768);
  auto attention = read_attention(
      reader, config.width,
      {.num_kv_heads = 4, .head_width = {}, .rope = {.max_positions = config.max_positions}});
  attention.head_norms = HeadNorms::PerHead;
  if (reader.get_or<bool>("use_sliding_window", false)) attention.window = read_window(reader);
  const auto experts = first_given(reader, {"num_experts", "num_local_experts"});
  const MoeSpec mixture{.num_experts = positive_or<int64_t>(reader, experts, 128),
                        .experts_per_token = positive_or<int64_t>(reader, "num_experts_per_tok", 8),
                        .width = positive_or<int64_t>(reader, "moe_intermediate_size", 768),
                        .router = {.normalised = reader.get_or<bool>("norm_topk_prob", false)}};
  check_mixture(mixture, reader.path_of(experts));
  const SwiGluSpec dense{.width = positive<int64_t>(reader, "intermediate_size")};
  for (const bool sparse :
       layers_with_experts(reader, read_num_layers(reader), mixture.num_experts)) {
    config.layers.push_back(
        {attention, sparse ? FeedForwardSpec(mixture) : FeedForwardSpec(dense)});
  }
  return config;
}

}  // namespace

ModelConfig read_mixtures(JsonReader& reader, Family family) {
  return family == Family::Mixtral ? read_mixtral(reader) : read_qwen3_moe(reader);
}

}  // namespace hylo::models
