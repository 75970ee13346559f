// Hybrids that were trained from scratch, and mixtures of experts: the keys of their published
// config.json that change numbers, in the words of those files. A source says what was seen;
// [inferred] marks what was not.
#include "models/config/catalog_rows.h"
#include "models/config/hf_config.h"

namespace hylo::models {
namespace {

struct PublishedRow {
  const char* name;
  const char* source;
  Json config;
};

/// What the three sizes of Granite 4.0 H differ in.
struct GraniteSize {
  const char* name;
  const char* source;
  int64_t width, heads, kv_heads, mamba_heads, experts, experts_per_token, feed_forward, shared;
  double attention_multiplier, logits_scaling;
};

Json granite_config(const GraniteSize& size) {
  constexpr int64_t num_layers = 40, attention_every = 10, first_attention = 5;
  auto types = Json::array();
  for (int64_t i = 0; i < num_layers; ++i) {
    types.push_back(i % attention_every == first_attention ? "attention" : "mamba");
  }
  return {{"architectures", {"GraniteMoeHybridForCausalLM"}},
          {"vocab_size", 100352},
          {"hidden_size", size.width},
          {"intermediate_size", size.feed_forward},
          {"shared_intermediate_size", size.shared},
          {"num_hidden_layers", num_layers},
          {"layer_types", types},
          {"num_attention_heads", size.heads},
          {"num_key_value_heads", size.kv_heads},
          {"position_embedding_type", "nope"},
          {"num_local_experts", size.experts},
          {"num_experts_per_tok", size.experts_per_token},
          {"mamba_n_heads", size.mamba_heads},
          {"mamba_d_head", 64},
          {"mamba_d_state", 128},
          {"mamba_n_groups", 1},
          {"mamba_expand", 2},
          {"attention_multiplier", size.attention_multiplier},
          {"embedding_multiplier", 12},
          {"residual_multiplier", 0.22},
          {"logits_scaling", size.logits_scaling},
          {"rms_norm_eps", 1e-5},
          {"tie_word_embeddings", true},
          {"max_position_embeddings", 131072},
          {"torch_dtype", "bfloat16"},
          {"bos_token_id", 100257},
          {"eos_token_id", 100257}};
}

// clang-format off
std::vector<PublishedRow> granite_rows() {
  const char* const files = "model card of ibm-granite and public copies of its config.json";
  const char* const inferred =
      "model card of ibm-granite and public copies of its config.json; divisor of logits [inferred: width / 256]";
  const std::vector<GraniteSize> sizes{
      // name, source, D, H, G, heads of Mamba2, E, k, F, shared, scale of scores, divisor of logits
      {"granite-4.0-h-micro", files, 2048, 32, 8, 64, 0, 0, 8192, 8192, 0.015625, 8},
      {"granite-4.0-h-tiny", files, 1536, 12, 4, 48, 64, 6, 512, 1024, 0.0078125, 6},
      {"granite-4.0-h-small", inferred, 4096, 32, 8, 128, 72, 10, 768, 1536, 0.0078125, 16},
  };
  std::vector<PublishedRow> rows;
  for (const auto& size : sizes) {
    rows.push_back({size.name, size.source, granite_config(size)});
  }
  return rows;
}
// clang-format on

Json qwen3_next_80b() {
  return {{"architectures", {"Qwen3NextForCausalLM"}},
          {"vocab_size", 151936},
          {"hidden_size", 2048},
          {"intermediate_size", 5632},
          {"num_hidden_layers", 48},
          {"full_attention_interval", 4},
          {"num_attention_heads", 16},
          {"num_key_value_heads", 2},
          {"head_dim", 256},
          {"partial_rotary_factor", 0.25},
          {"rope_theta", 1e7},
          {"linear_num_key_heads", 16},
          {"linear_num_value_heads", 32},
          {"linear_key_head_dim", 128},
          {"linear_value_head_dim", 128},
          {"num_experts", 512},
          {"num_experts_per_tok", 10},
          {"moe_intermediate_size", 512},
          {"shared_expert_intermediate_size", 512},
          {"norm_topk_prob", true},
          {"rms_norm_eps", 1e-6},
          {"max_position_embeddings", 262144},
          {"torch_dtype", "bfloat16"},
          {"eos_token_id", 151645}};
}

Json olmo_hybrid_7b() {
  return {{"architectures", {"OlmoHybridForCausalLM"}},
          {"vocab_size", 100352},
          {"hidden_size", 3840},
          {"intermediate_size", 11008},
          {"num_hidden_layers", 32},
          {"num_attention_heads", 30},
          {"rope_parameters", {{"rope_theta", nullptr}}},
          {"linear_num_key_heads", 30},
          {"linear_num_value_heads", 30},
          {"linear_key_head_dim", 96},
          {"linear_value_head_dim", 192},
          {"linear_allow_neg_eigval", true},
          {"rms_norm_eps", 1e-6},
          {"max_position_embeddings", 65536},
          {"torch_dtype", "bfloat16"},
          {"eos_token_id", 100257},
          {"pad_token_id", 100277}};
}

Json bamba_9b() {
  return {{"architectures", {"BambaForCausalLM"}},
          {"vocab_size", 128256},
          {"hidden_size", 4096},
          {"intermediate_size", 14336},
          {"num_hidden_layers", 32},
          {"attn_layer_indices", {9, 18, 27}},
          {"num_attention_heads", 32},
          {"num_key_value_heads", 8},
          {"mamba_n_heads", 128},
          {"mamba_d_head", 64},
          {"mamba_d_state", 128},
          {"mamba_n_groups", 1},
          {"mamba_expand", 2},
          {"rope_theta", 10000},
          {"rms_norm_eps", 1e-5},
          {"max_position_embeddings", 262144},
          {"torch_dtype", "bfloat16"},
          {"bos_token_id", 128000},
          {"eos_token_id", 128001}};
}

Json kimi_linear_48b() {
  auto delta = Json::array();
  const std::vector<int64_t> full{4, 8, 12, 16, 20, 24, 27};  // counted from 1
  for (int64_t i = 1; i < full.back(); ++i) {
    if (i % 4 != 0) delta.push_back(i);
  }
  return {{"architectures", {"KimiLinearForCausalLM"}},
          {"vocab_size", 163840},
          {"hidden_size", 2304},
          {"intermediate_size", 9216},
          {"num_hidden_layers", 27},
          {"linear_attn_config",
           {{"full_attn_layers", full},
            {"kda_layers", delta},
            {"num_heads", 32},
            {"head_dim", 128},
            {"short_conv_kernel_size", 4}}},
          {"num_attention_heads", 32},
          {"kv_lora_rank", 512},
          {"q_lora_rank", nullptr},
          {"qk_nope_head_dim", 128},
          {"qk_rope_head_dim", 64},
          {"v_head_dim", 128},
          {"mla_use_nope", true},
          {"first_k_dense_replace", 1},
          {"num_experts", 256},
          {"num_experts_per_token", 8},
          {"num_shared_experts", 1},
          {"moe_intermediate_size", 1024},
          {"moe_renormalize", true},
          {"routed_scaling_factor", 2.446},
          {"rms_norm_eps", 1e-5},
          {"model_max_length", 1048576},
          {"torch_dtype", "bfloat16"},
          {"bos_token_id", 163584},
          {"eos_token_id", 163586},
          {"pad_token_id", 163839}};
}

Json deepseek_yarn(double mscale) {
  return {{"type", "yarn"},          {"factor", 40},   {"original_max_position_embeddings", 4096},
          {"beta_fast", 32},         {"beta_slow", 1}, {"mscale", mscale},
          {"mscale_all_dim", mscale}};
}

Json deepseek_v2_lite() {
  return {{"architectures", {"DeepseekV2ForCausalLM"}},
          {"vocab_size", 102400},
          {"hidden_size", 2048},
          {"intermediate_size", 10944},
          {"num_hidden_layers", 27},
          {"num_attention_heads", 16},
          {"kv_lora_rank", 512},
          {"q_lora_rank", nullptr},
          {"qk_nope_head_dim", 128},
          {"qk_rope_head_dim", 64},
          {"v_head_dim", 128},
          {"first_k_dense_replace", 1},
          {"n_routed_experts", 64},
          {"n_shared_experts", 2},
          {"num_experts_per_tok", 6},
          {"moe_intermediate_size", 1408},
          {"norm_topk_prob", false},
          {"topk_method", "greedy"},
          {"routed_scaling_factor", 1},
          {"rope_theta", 10000},
          {"rope_scaling", deepseek_yarn(0.707)},
          {"rms_norm_eps", 1e-6},
          {"max_position_embeddings", 163840},
          {"torch_dtype", "bfloat16"},
          {"bos_token_id", 100000},
          {"eos_token_id", 100001}};
}

Json deepseek_v3() {
  return {{"architectures", {"DeepseekV3ForCausalLM"}},
          {"vocab_size", 129280},
          {"hidden_size", 7168},
          {"intermediate_size", 18432},
          {"num_hidden_layers", 61},
          {"num_attention_heads", 128},
          {"kv_lora_rank", 512},
          {"q_lora_rank", 1536},
          {"qk_nope_head_dim", 128},
          {"qk_rope_head_dim", 64},
          {"v_head_dim", 128},
          {"first_k_dense_replace", 3},
          {"n_routed_experts", 256},
          {"n_shared_experts", 1},
          {"num_experts_per_tok", 8},
          {"moe_intermediate_size", 2048},
          {"n_group", 8},
          {"topk_group", 4},
          {"norm_topk_prob", true},
          {"routed_scaling_factor", 2.5},
          {"rope_theta", 10000},
          {"rope_scaling", deepseek_yarn(1)},
          {"rms_norm_eps", 1e-6},
          {"max_position_embeddings", 163840},
          {"torch_dtype", "bfloat16"},
          {"bos_token_id", 0},
          {"eos_token_id", 1}};
}

Json mixtral_8x7b() {
  return {{"architectures", {"MixtralForCausalLM"}},
          {"vocab_size", 32000},
          {"hidden_size", 4096},
          {"intermediate_size", 14336},
          {"num_hidden_layers", 32},
          {"num_attention_heads", 32},
          {"num_key_value_heads", 8},
          {"sliding_window", nullptr},
          {"num_local_experts", 8},
          {"num_experts_per_tok", 2},
          {"rope_theta", 1e6},
          {"rms_norm_eps", 1e-5},
          {"max_position_embeddings", 32768},
          {"torch_dtype", "bfloat16"},
          {"bos_token_id", 1},
          {"eos_token_id", 2}};
}

Json qwen3_30b() {
  return {{"architectures", {"Qwen3MoeForCausalLM"}},
          {"vocab_size", 151936},
          {"hidden_size", 2048},
          {"intermediate_size", 6144},
          {"num_hidden_layers", 48},
          {"num_attention_heads", 32},
          {"num_key_value_heads", 4},
          {"head_dim", 128},
          {"num_experts", 128},
          {"num_experts_per_tok", 8},
          {"moe_intermediate_size", 768},
          {"norm_topk_prob", true},
          {"rope_theta", 1e6},
          {"rms_norm_eps", 1e-6},
          {"max_position_embeddings", 40960},
          {"torch_dtype", "bfloat16"},
          {"eos_token_id", 151645}};
}

std::vector<PublishedRow> rows() {
  auto rows = granite_rows();
  rows.push_back({"qwen3-next-80b-a3b",
                  "defaults of transformers' Qwen3NextConfig; base of rotation, context [inferred]",
                  qwen3_next_80b()});
  rows.push_back({"olmo-hybrid-7b", "defaults of transformers' OlmoHybridConfig, no rotation",
                  olmo_hybrid_7b()});
  rows.push_back({"bamba-9b",
                  "defaults of transformers' BambaConfig; vocabulary, state and attention layers "
                  "from public copies of config.json of ibm-ai-platform/Bamba-9B",
                  bamba_9b()});
  rows.push_back({"kimi-linear-48b-a3b",
                  "public copies of config.json of moonshotai/Kimi-Linear-48B-A3B-Instruct",
                  kimi_linear_48b()});
  rows.push_back({"deepseek-v2-lite",
                  "arXiv 2405.04434 appendix B; width of the dense layer, YaRN [inferred]",
                  deepseek_v2_lite()});
  rows.push_back({"deepseek-v3",
                  "arXiv 2412.19437 and defaults of transformers' DeepseekV3Config, less the layer "
                  "for further tokens",
                  deepseek_v3()});
  rows.push_back({"mixtral-8x7b", "arXiv 2401.04088 and defaults of transformers' MixtralConfig",
                  mixtral_8x7b()});
  rows.push_back({"qwen3-30b-a3b", "arXiv 2505.09388 and defaults of transformers' Qwen3MoeConfig",
                  qwen3_30b()});
  return rows;
}

}  // namespace

std::vector<CatalogEntry> published_entries() {
  std::vector<CatalogEntry> entries;
  for (const auto& row : rows()) {
    entries.push_back({row.name, row.source, parse_hf_config(row.config, row.name)});
  }
  return entries;
}

}  // namespace hylo::models
