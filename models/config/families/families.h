// One reader of config.json per group of families. Each looks at every key that changes what is
// computed and refuses what it does not understand.
// Source: huggingface/transformers, src/transformers/models/*/configuration_*.py, for the keys and
// for what holds where a key is absent.
#pragma once

#include "harness/base/json.h"
#include "models/config/model_config.h"

namespace hylo::models {

/// Llama, Mistral, Qwen2, Qwen3: attention in every layer, dense feed-forwards.
ModelConfig read_dense(JsonReader& reader, Family family);
/// Mixtral, Qwen3-MoE: the same with mixtures of experts.
ModelConfig read_mixtures(JsonReader& reader, Family family);
/// DeepSeek-V2 and -V3: multi-head latent attention.
ModelConfig read_deepseek(JsonReader& reader, Family family);
/// Kimi-Linear: KDA, and latent attention without positions.
ModelConfig read_kimi_linear(JsonReader& reader, Family family);
/// Mamba2, Bamba, Granite-hybrid.
ModelConfig read_mamba(JsonReader& reader, Family family);
/// Qwen3-Next, OLMo-Hybrid: Gated DeltaNet with attention in between.
ModelConfig read_gated_delta(JsonReader& reader, Family family);
/// Jet-Nemotron: JetBlocks, full attention and sliding windows.
ModelConfig read_jet_nemotron(JsonReader& reader, Family family);
/// Llamba: Discrete Mamba-2 in every layer.
ModelConfig read_llamba(JsonReader& reader, Family family);

/// One file beside config.json, parsed; `where` is how messages name it.
struct PlanFile {
  Json json;
  std::string where;
};

/// HyLo and Zebra-Llama: every layer of the backbone is replaced as hybrid_config.json says.
ModelConfig read_hylo(const ModelConfig& backbone, JsonReader& plan);
/// X-EcoMLA: MLA_config.json says which layers stay attention, mla_layer_config.json the rest.
ModelConfig read_x_ecomla(const ModelConfig& backbone, JsonReader& plan, JsonReader& layers);
/// MambaInLlama: mamba_config.json says which layers stay attention.
ModelConfig read_mamba_in_llama(const ModelConfig& backbone, JsonReader& plan);

}  // namespace hylo::models
