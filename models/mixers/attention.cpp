#include "models/mixers/attention.h"

#include <cmath>

#include "kernels/ops/attention.h"
#include "kernels/ops/rms_norm.h"
#include "kernels/ops/rotary.h"
#include "models/blocks/linear.h"

namespace hylo::models {

at::Tensor mix_tokens(const AttentionSpec& spec, const AttentionWeights& weights,
                      double norm_epsilon, const at::Tensor& x_ND, const LayerCall& call) {
  const int64_t rows = x_ND.size(0);
  auto q_NHK =
      project(weights.query, x_ND, call.groups).view({rows, spec.num_heads, spec.head_width});
  auto k_NGK =
      project(weights.key, x_ND, call.groups).view({rows, spec.num_kv_heads, spec.head_width});
  const auto v_NGK =
      project(weights.value, x_ND, call.groups).view({rows, spec.num_kv_heads, spec.head_width});
  if (spec.head_norms) {
    q_NHK = kernels::rms_norm({q_NHK, weights.query_norm_K, norm_epsilon});
    k_NGK = kernels::rms_norm({k_NGK, weights.key_norm_K, norm_epsilon});
  }
  q_NHK = kernels::rotary({q_NHK, call.rotary.cos_NP, call.rotary.sin_NP});
  k_NGK = kernels::rotary({k_NGK, call.rotary.cos_NP, call.rotary.sin_NP});
  kernels::store_rows({k_NGK, call.pages.keys_PSGK(), call.sequences});
  kernels::store_rows({v_NGK, call.pages.values_PSGV(), call.sequences});
  const auto mixed_NHK =
      kernels::attention({.q_NHK = q_NHK,
                          .keys_PSGK = call.pages.keys_PSGK(),
                          .values_PSGV = call.pages.values_PSGV(),
                          .sequences = call.sequences,
                          .scale = 1 / std::sqrt(static_cast<double>(spec.head_width)),
                          .window = spec.window});
  return project(weights.output, mixed_NHK.view({rows, spec.num_heads * spec.head_width}),
                 call.groups);
}

}  // namespace hylo::models
