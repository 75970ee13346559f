// What a network is, as plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/config/layer_spec.h"

namespace hylo::models {

/// Whose names and conventions a checkpoint follows.
enum class Family {
  Llama,
  Mistral,
  Qwen2,
  Qwen3,
  Hylo,          ///< config.json of the backbone and hybrid_config.json: HyLo, Zebra-Llama
  XEcoMla,       ///< ... and MLA_config.json, mla_layer_config.json
  MambaInLlama,  ///< ... and mamba_config.json
  Llamba,
  JetNemotron,
  DeepseekV2,
  DeepseekV3,
  Mixtral,
  Qwen3Moe,
  Qwen3Next,
  Mamba2,
  Bamba,
  GraniteHybrid,
  OlmoHybrid,
  KimiLinear,
};

/// Types in which weights are stored.
enum class NumberType { Float32, Float16, BFloat16, Float64 };

/// The RMS norms of a network.
struct NormSpec {
  double epsilon = 1e-6;
  bool zero_centred = false;  ///< weights are stored less 1 (Qwen3-Next)
  bool rounded_once = false;  ///< rounded after the weight, not before it as Llama's are
  bool operator==(const NormSpec&) const = default;
};

struct ModelConfig {
  Family family = Family::Llama;
  std::optional<Family> backbone;  ///< of which layers were replaced (HyLo, X-EcoMLA, MambaInLlama)
  int64_t vocabulary_size = 0;     ///< W, rows of the embedding
  int64_t width = 0;               ///< D
  std::vector<LayerSpec> layers;
  NormSpec norm;
  std::optional<double> final_norm_epsilon;  ///< where it is not that of the layers (Llamba)
  bool tied_head = false;                    ///< the head is the embedding
  double embedding_scale = 1;                ///< multiplies embeddings (Granite)
  double residual_scale = 1;                 ///< multiplies what a block adds to the stream
  double logits_scale = 1;                   ///< multiplies logits
  int64_t max_positions = 0;                 ///< context that the checkpoint declares, in tokens
  NumberType stored = NumberType::BFloat16;  ///< as declared; the tensors decide
  std::optional<int32_t> bos;
  std::vector<int32_t> eos;  ///< any of them ends a generated text
  std::optional<int32_t> pad;
  bool operator==(const ModelConfig&) const = default;
};

/// Whether a sequence may be cut into calls, and prefixes shared, without changing numbers.
bool depends_on_call_length(const ModelConfig& config);

std::string_view family_name(Family family);  ///< "llama", as in config.json's model_type
std::optional<Family> family_named(std::string_view name);
std::string_view type_name(NumberType type);  ///< "float32", ...
std::optional<NumberType> type_named(std::string_view name);
int64_t bytes_of(NumberType type);

/// One line per run of equal layers: "0-15  attention 32/8 heads x 64, SwiGLU 8192".
std::vector<std::string> describe_layers(const ModelConfig& config);

}  // namespace hylo::models
