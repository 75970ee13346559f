#include "models/config/model_config.h"

#include <algorithm>
#include <array>

#include "harness/base/error.h"

namespace hylo::models {
namespace {

constexpr std::array types{
    std::pair{"float32", NumberType::Float32}, std::pair{"float16", NumberType::Float16},
    std::pair{"bfloat16", NumberType::BFloat16}, std::pair{"float64", NumberType::Float64}};

constexpr std::array families{
    std::pair{Family::Llama, "llama"},
    std::pair{Family::Mistral, "mistral"},
    std::pair{Family::Qwen2, "qwen2"},
    std::pair{Family::Qwen3, "qwen3"},
    std::pair{Family::Hylo, "hylo"},
    std::pair{Family::XEcoMla, "x-ecomla"},
    std::pair{Family::MambaInLlama, "mamba-in-llama"},
    std::pair{Family::Llamba, "llamba"},
    std::pair{Family::JetNemotron, "jet_nemotron"},
    std::pair{Family::DeepseekV2, "deepseek_v2"},
    std::pair{Family::DeepseekV3, "deepseek_v3"},
    std::pair{Family::Mixtral, "mixtral"},
    std::pair{Family::Qwen3Moe, "qwen3_moe"},
    std::pair{Family::Qwen3Next, "qwen3_next"},
    std::pair{Family::Mamba2, "mamba2"},
    std::pair{Family::Bamba, "bamba"},
    std::pair{Family::GraniteHybrid, "granitemoehybrid"},
    std::pair{Family::OlmoHybrid, "olmo_hybrid"},
    std::pair{Family::KimiLinear, "kimi_linear"},
};

}  // namespace

bool depends_on_call_length(const ModelConfig& config) {
  return std::ranges::any_of(config.layers, [](const LayerSpec& layer) {
    const auto* attention = std::get_if<AttentionSpec>(&layer.mixer);
    const auto* mla = std::get_if<MlaSpec>(&layer.mixer);
    return (attention && depends_on_call_length(attention->rope)) ||
           (mla && depends_on_call_length(mla->rope));
  });
}

std::string_view family_name(Family family) {
  const auto* found = std::ranges::find(families, family, &std::pair<Family, const char*>::first);
  invariant(found != families.end(), "a family without a name");
  return found->second;
}

std::optional<Family> family_named(std::string_view name) {
  const auto* found =
      std::ranges::find(families, name, [](const auto& f) { return std::string_view(f.second); });
  return found == families.end() ? std::nullopt : std::optional(found->first);
}

std::string_view type_name(NumberType type) {
  return std::ranges::find(types, type, &std::pair<const char*, NumberType>::second)->first;
}

std::optional<NumberType> type_named(std::string_view name) {
  const auto found =
      std::ranges::find(types, name, [](const auto& t) { return std::string_view(t.first); });
  return found == types.end() ? std::nullopt : std::optional(found->second);
}

int64_t bytes_of(NumberType type) {
  switch (type) {
    case NumberType::Float64:
      return 8;
    case NumberType::Float32:
      return 4;
    case NumberType::Float16:
    case NumberType::BFloat16:
      return 2;
  }
  invariant(false, "a number type without a size");
  return 0;
}

}  // namespace hylo::models
