#include "models/mixers/mixing_rows.h"

#include <ATen/ops/zeros.h>

#include <algorithm>

#include "harness/base/overloaded.h"

namespace hylo::models {

std::optional<int64_t> num_mixing_heads(const MixerSpec& mixer) {
  using Heads = std::optional<int64_t>;
  return std::visit(overloaded{[](const AttentionSpec& s) -> Heads { return s.num_heads; },
                               [](const Mamba2Spec& s) -> Heads { return s.num_heads; },
                               [](const DiscreteMamba2Spec& s) -> Heads { return s.num_heads; },
                               [](const GatedDeltaSpec& s) -> Heads { return s.num_heads; },
                               [](const MlaSpec&) -> Heads { return {}; },
                               [](const KimiDeltaSpec&) -> Heads { return {}; },
                               [](const JetBlockSpec&) -> Heads { return {}; }},
                    mixer);
}

at::Tensor places_as_values(const at::Tensor& like_ND, int64_t heads,
                            std::span<const kernels::RowRange> sequences) {
  const auto longest = std::ranges::max(sequences, {}, &kernels::RowRange::num_rows).num_rows;
  auto values_NHT = at::zeros({like_ND.size(0), heads, longest}, like_ND.options());
  for (const auto& [first, count] : sequences) {
    values_NHT.narrow(0, first, count).diagonal(0, 0, 2).fill_(1);
  }
  return values_NHT;
}

}  // namespace hylo::models
