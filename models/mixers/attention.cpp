#include "models/mixers/attention.h"

#include <cmath>

#include "kernels/ops/activations.h"
#include "kernels/ops/attention.h"
#include "kernels/ops/packed_attention.h"
#include "kernels/ops/rotary.h"
#include "models/blocks/linear.h"
#include "models/blocks/norm.h"
#include "models/mixers/mixing_rows.h"

namespace hylo::models {
namespace {

/// Queries or keys [N, H * K] as heads, normed and rotated.
at::Tensor prepared(const AttentionSpec& spec, const at::Tensor& x_ND, const at::Tensor& weight,
                    const LayerCall& call) {
  const auto flat = spec.head_norms == HeadNorms::AllHeads ? normed(x_ND, weight, call.norm) : x_ND;
  auto x_NHK = flat.view({flat.size(0), -1, spec.head_width});
  if (spec.head_norms == HeadNorms::PerHead) x_NHK = normed(x_NHK, weight, call.norm);
  return call.rotary ? kernels::rotary({x_NHK, call.rotary->cos_NP, call.rotary->sin_NP}) : x_NHK;
}

struct Heads {
  at::Tensor q_NHK, k_NGK, v_NGK;
};

struct Projected {
  Heads heads;
  at::Tensor gate_ND;  ///< undefined without an output gate
};

Projected projected(const AttentionSpec& spec, const AttentionWeights& weights,
                    const at::Tensor& x_ND, const LayerCall& call) {
  const int64_t rows = x_ND.size(0), width = spec.num_heads * spec.head_width;
  auto q_ND = project(weights.query, x_ND, call.groups);
  Projected out;
  if (spec.output_gate) {
    const auto both = q_ND.view({rows, spec.num_heads, 2 * spec.head_width});
    out.gate_ND = both.narrow(2, spec.head_width, spec.head_width).reshape({rows, width});
    q_ND = both.narrow(2, 0, spec.head_width).reshape({rows, width});
  }
  out.heads.q_NHK = prepared(spec, q_ND, weights.query_norm, call);
  out.heads.k_NGK = prepared(spec, project(weights.key, x_ND, call.groups), weights.key_norm, call);
  out.heads.v_NGK =
      project(weights.value, x_ND, call.groups).view({rows, spec.num_kv_heads, spec.head_width});
  return out;
}

/// Over all that the sequences remember, or over the rows of this call.
at::Tensor attended(const AttentionSpec& spec, const Heads& in, const LayerCall& call) {
  const double scale = spec.scale.value_or(1 / std::sqrt(static_cast<double>(spec.head_width)));
  if (!call.pages) {
    return kernels::packed_attention({in.q_NHK, in.k_NGK, in.v_NGK, call.rows, scale, spec.window});
  }
  const auto &keys = call.pages->part(0), &values = call.pages->part(1);
  kernels::store_rows({in.k_NGK, keys, call.sequences});
  kernels::store_rows({in.v_NGK, values, call.sequences});
  return kernels::attention({.q_NHK = in.q_NHK,
                             .keys_PSGK = keys,
                             .values_PSGV = values,
                             .sequences = call.sequences,
                             .scale = scale,
                             .window = spec.window});
}

}  // namespace

at::Tensor mix_tokens(const AttentionSpec& spec, const AttentionWeights& weights,
                      const at::Tensor& x_ND, const LayerCall& call) {
  const auto [heads, gate_ND] = projected(spec, weights, x_ND, call);
  const auto mixed_ND = attended(spec, heads, call).view({x_ND.size(0), -1});
  return project(weights.output,
                 spec.output_gate ? kernels::sigmoid_gate({mixed_ND, gate_ND}) : mixed_ND,
                 call.groups);
}

at::Tensor mixing_rows(const AttentionSpec& spec, const AttentionWeights& weights,
                       const at::Tensor& x_ND, const LayerCall& call) {
  auto heads = projected(spec, weights, x_ND, call).heads;
  heads.v_NGK = places_as_values(x_ND, spec.num_kv_heads, call.rows);
  return attended(spec, heads, call);
}

}  // namespace hylo::models
