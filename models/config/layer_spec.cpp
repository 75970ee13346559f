#include "models/config/layer_spec.h"

#include "harness/base/overloaded.h"

namespace hylo::models {

const char* kind_name(const MixerSpec& mixer) {
  return std::visit(overloaded{
                        [](const AttentionSpec&) { return "attention"; },
                        [](const MlaSpec&) { return "MLA"; },
                        [](const Mamba2Spec&) { return "Mamba2"; },
                        [](const DiscreteMamba2Spec&) { return "Discrete Mamba2"; },
                        [](const GatedDeltaSpec&) { return "Gated DeltaNet"; },
                        [](const KimiDeltaSpec&) { return "Kimi Delta Attention"; },
                        [](const JetBlockSpec&) { return "JetBlock"; },
                    },
                    mixer);
}

bool is_recurrent(const MixerSpec& mixer) {
  return std::visit(overloaded{
                        [](const AttentionSpec&) { return false; },
                        [](const MlaSpec&) { return false; },
                        [](const Mamba2Spec&) { return true; },
                        [](const DiscreteMamba2Spec&) { return true; },
                        [](const GatedDeltaSpec&) { return true; },
                        [](const KimiDeltaSpec&) { return true; },
                        [](const JetBlockSpec&) { return true; },
                    },
                    mixer);
}

RopeSpec rope_of(const MixerSpec& mixer) {
  if (const auto* attention = std::get_if<AttentionSpec>(&mixer)) return attention->rope;
  if (const auto* mla = std::get_if<MlaSpec>(&mixer)) return mla->rope;
  return {};
}

}  // namespace hylo::models
