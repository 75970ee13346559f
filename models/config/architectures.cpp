#include "models/config/architectures.h"

#include <algorithm>
#include <array>

#include "models/config/families/families.h"
#include "models/config/own_config.h"

namespace hylo::models {
namespace {

constexpr std::array architectures{
    Architecture{"LlamaForCausalLM", "llama", Family::Llama, read_dense},
    Architecture{"MistralForCausalLM", "mistral", Family::Mistral, read_dense},
    Architecture{"Qwen2ForCausalLM", "qwen2", Family::Qwen2, read_dense},
    Architecture{"Qwen3ForCausalLM", "qwen3", Family::Qwen3, read_dense},
    Architecture{"MixtralForCausalLM", "mixtral", Family::Mixtral, read_mixtures},
    Architecture{"Qwen3MoeForCausalLM", "qwen3_moe", Family::Qwen3Moe, read_mixtures},
    Architecture{"DeepseekV2ForCausalLM", "deepseek_v2", Family::DeepseekV2, read_deepseek},
    Architecture{"DeepseekV3ForCausalLM", "deepseek_v3", Family::DeepseekV3, read_deepseek},
    Architecture{"KimiLinearForCausalLM", "kimi_linear", Family::KimiLinear, read_kimi_linear},
    Architecture{"Mamba2ForCausalLM", "mamba2", Family::Mamba2, read_mamba},
    Architecture{"BambaForCausalLM", "bamba", Family::Bamba, read_mamba},
    Architecture{"GraniteMoeHybridForCausalLM", "granitemoehybrid", Family::GraniteHybrid,
                 read_mamba},
    Architecture{"Qwen3NextForCausalLM", "qwen3_next", Family::Qwen3Next, read_gated_delta},
    Architecture{"OlmoHybridForCausalLM", "olmo_hybrid", Family::OlmoHybrid, read_gated_delta},
    Architecture{"JetNemotronForCausalLM", "jet_nemotron", Family::JetNemotron, read_jet_nemotron},
    Architecture{"LlambaLMHeadModel", "llamba", Family::Llamba, read_llamba},
};

}  // namespace

const Architecture& architecture_of(JsonReader& reader, const std::string& where) {
  std::string known;
  for (const auto& a : architectures) known += fmt::format(" {}", a.name);
  known += fmt::format(" {}", own_architecture);
  if (reader.has("architectures")) {
    const auto names = reader.get<std::vector<std::string>>("architectures");
    require(!names.empty(), "{}: architectures is empty", where);
    const auto* found = std::ranges::find(architectures, names.front(), &Architecture::name);
    require(found != architectures.end(), "{}: unknown architecture '{}'; known are{}", where,
            names.front(), known);
    return *found;
  }
  const auto type = reader.get<std::string>("model_type");
  const auto* found = std::ranges::find(architectures, type, &Architecture::model_type);
  require(found != architectures.end(), "{}: unknown model_type '{}'; known are{}", where, type,
          known);
  return *found;
}

const Architecture& architecture_of(Family family) {
  const auto* found = std::ranges::find(architectures, family, &Architecture::family);
  invariant(found != architectures.end(), "{} has no architecture", family_name(family));
  return *found;
}

}  // namespace hylo::models
