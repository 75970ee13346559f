#include "models/mixers/mla.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "kernels/ops/packed_attention.h"
#include "kernels/ops/partial_attention.h"
#include "kernels/ops/rotary.h"
#include "models/blocks/linear.h"
#include "models/blocks/norm.h"

namespace hylo::models {
namespace {

/// Tokens whose keys and values are there at once in their expanded form. A multiple of the rows of
/// a fixed group and of a block of attention: a row's slices do not depend on the call.
constexpr int64_t tokens_of_a_slice = 8192;

NormSpec latent_norm(const MlaSpec& spec) { return {.epsilon = spec.latent_norm_epsilon}; }

at::Tensor rotated(const MlaSpec& spec, const at::Tensor& x_NHK, const LayerCall& call) {
  if (!call.rotary) return x_NHK.contiguous();
  return kernels::rotary(
      {x_NHK.contiguous(), call.rotary->cos_NP, call.rotary->sin_NP, spec.interleaved});
}

/// Queries with their last Kr entries rotated, [N, H, Kn + Kr].
struct Queries {
  at::Tensor nope_NHK, rope_NHK;
};
Queries queries_of(const MlaSpec& spec, const MlaWeights& weights, const at::Tensor& x_ND,
                   const LayerCall& call) {
  auto latent = x_ND;
  if (spec.query_rank > 0) {
    latent = project(weights.query_down, x_ND, call.groups);
    if (spec.query_latent_norm) {
      latent = normed(latent, weights.query_latent_norm, latent_norm(spec));
    }
  }
  const auto& up = spec.query_rank > 0 ? weights.query_up : weights.query;
  auto q_NHK = project(up, latent, call.groups)
                   .view({x_ND.size(0), spec.num_heads, spec.nope_width + spec.rope_width});
  if (spec.head_norms) q_NHK = normed(q_NHK, weights.query_norm_K, call.norm);
  return {q_NHK.narrow(2, 0, spec.nope_width),
          rotated(spec, q_NHK.narrow(2, spec.nope_width, spec.rope_width), call)};
}

/// The up-projection of the latents, per key/value head: keys [G, Kn, R], values [G, V, R].
struct UpProjection {
  at::Tensor keys_GKR, values_GVR;
};
UpProjection up_projection(const MlaSpec& spec, const MlaWeights& weights) {
  const auto all = weights.latent_up.weight_OI.view(
      {spec.num_kv_heads, spec.nope_width + spec.value_width, spec.latent_rank});
  return {all.narrow(1, 0, spec.nope_width), all.narrow(1, spec.nope_width, spec.value_width)};
}

/// Latents and the key that all heads share. It is rotated, unless norms of whole heads come before
/// the rotation: those are taken of every head's key anew.
struct Latents {
  at::Tensor c_NR, k_N1K;
};
Latents latents_of(const MlaSpec& spec, const MlaWeights& weights, const at::Tensor& x_ND,
                   const LayerCall& call) {
  const auto down_NR = project(weights.latent_down, x_ND, call.groups);
  auto c_NR = down_NR.narrow(1, 0, spec.latent_rank).contiguous();
  if (spec.latent_norm) c_NR = normed(c_NR, weights.latent_norm_R, latent_norm(spec));
  const auto k_N1K = down_NR.narrow(1, spec.latent_rank, spec.rope_width).unsqueeze(1);
  return {c_NR, spec.head_norms ? k_N1K : rotated(spec, k_N1K, call)};
}

/// Keys and values of every head, [S, G, Kn + Kr] and [S, G, V].
struct KeysAndValues {
  at::Tensor keys_SGK, values_SGV;
};
KeysAndValues expanded_from(const MlaSpec& spec, const MlaWeights& weights, const Latents& latents,
                            kernels::RowGroups groups) {
  const auto up_SGK =
      project(weights.latent_up, latents.c_NR, groups)
          .view({latents.c_NR.size(0), spec.num_kv_heads, spec.nope_width + spec.value_width});
  return {at::cat({up_SGK.narrow(2, 0, spec.nope_width),
                   latents.k_N1K.expand({-1, spec.num_kv_heads, -1})},
                  2),
          up_SGK.narrow(2, spec.nope_width, spec.value_width)};
}

/// Attention in the space of the latents: one key/value head for all.
at::Tensor absorbed(const MlaSpec& spec, const MlaWeights& weights, const Queries& q,
                    const LayerCall& call, std::span<const kernels::PagedRows> sequences) {
  const auto [keys_GKR, values_GVR] = up_projection(spec, weights);
  const auto q_NHR = project_heads(keys_GKR.transpose(1, 2), q.nope_NHK.contiguous(), call.groups);
  const auto& latents = call.pages->part(0);
  const auto mixed_NHR = kernels::attention({.q_NHK = at::cat({q_NHR, q.rope_NHK}, 2),
                                             .keys_PSGK = latents,
                                             .values_PSGV = latents.narrow(3, 0, spec.latent_rank),
                                             .sequences = sequences,
                                             .scale = spec.scale});
  return project_heads(values_GVR, mixed_NHR, call.groups);
}

/// Tokens of one sequence, counted from its first.
struct Slice {
  int64_t first = 0, num_tokens = 0;
};

/// The remembered rows of a slice, [S, ...], out of their pages.
at::Tensor gathered(const at::Tensor& pages, const kernels::PagedRows& sequence, Slice slice) {
  const int64_t page_tokens = pages.size(1), first_page = slice.first / page_tokens;
  const int64_t end = slice.first + slice.num_tokens;
  const int64_t num_pages = (end + page_tokens - 1) / page_tokens - first_page;
  auto index = at::empty({num_pages}, at::TensorOptions().dtype(at::kInt));
  std::copy_n(sequence.pages.begin() + first_page, num_pages, index.mutable_data_ptr<int32_t>());
  return at::index_select(pages, 0, index)
      .flatten(0, 1)
      .narrow(0, slice.first - first_page * page_tokens, slice.num_tokens);
}

/// Keys of whole heads, normed and then rotated.
at::Tensor normed_keys(const MlaSpec& spec, const MlaWeights& weights, const at::Tensor& keys_SGK,
                       const NormSpec& norm, const RotaryTables* tables) {
  const auto normed_SGK = normed(keys_SGK, weights.key_norm_K, norm);
  if (!tables) return normed_SGK;
  const auto rope_SGK =
      kernels::rotary({normed_SGK.narrow(2, spec.nope_width, spec.rope_width).contiguous(),
                       tables->cos_NP, tables->sin_NP, spec.interleaved});
  return at::cat({normed_SGK.narrow(2, 0, spec.nope_width), rope_SGK}, 2);
}

/// Cosines and sines of a slice. Frequencies that depend on the length of the sequence are taken of
/// all of it.
RotaryTables tables_of(const MlaSpec& spec, const LayerCall& call,
                       const kernels::PagedRows& sequence, Slice slice) {
  const auto type = call.rotary->cos_NP.scalar_type();
  const auto made = [&](const PositionRange& range) {
    return rotary_tables(spec.rope, {&range, 1}, call.rotary_precision, type);
  };
  if (!depends_on_call_length(spec.rope)) return made({slice.num_tokens, slice.first});
  const auto all = made({sequence.num_past + sequence.num_rows, 0});
  return {all.cos_NP.narrow(0, slice.first, slice.num_tokens),
          all.sin_NP.narrow(0, slice.first, slice.num_tokens)};
}

/// Keys and values of a slice, made from its latents.
KeysAndValues expanded_slice(const MlaSpec& spec, const MlaWeights& weights, const LayerCall& call,
                             const kernels::PagedRows& sequence, Slice slice) {
  const auto rows_SR = gathered(call.pages->part(0), sequence, slice).squeeze(1);
  auto found = expanded_from(spec, weights,
                             {rows_SR.narrow(1, 0, spec.latent_rank).contiguous(),
                              rows_SR.narrow(1, spec.latent_rank, spec.rope_width).unsqueeze(1)},
                             call.groups);
  if (!spec.head_norms) return found;
  std::optional<RotaryTables> tables;
  if (call.rotary) tables = tables_of(spec, call, sequence, slice);
  found.keys_SGK =
      normed_keys(spec, weights, found.keys_SGK, call.norm, tables ? &*tables : nullptr);
  return found;
}

/// The same numbers with the rows of a head one after another. Attention walks over a slice head by
/// head and once per tile of queries; rows that lie apart cost it half as much time again.
at::Tensor head_by_head(const at::Tensor& x_SGK) {
  return x_SGK.transpose(0, 1).contiguous().transpose(0, 1);
}

/// Attention over the keys and values of one sequence, slice by slice: their memory does not grow
/// with it.
at::Tensor expanded(const MlaSpec& spec, const MlaWeights& weights, const Queries& q,
                    const LayerCall& call, const kernels::PagedRows& sequence) {
  const auto rows = [&](const at::Tensor& x) {
    return x.narrow(0, sequence.first_row, sequence.num_rows);
  };
  const auto q_NHK = at::cat({rows(q.nope_NHK), rows(q.rope_NHK)}, 2);
  const int64_t num_tokens = sequence.num_past + sequence.num_rows;
  kernels::PartialAttention whole;
  for (int64_t first = 0; first < num_tokens; first += tokens_of_a_slice) {
    const Slice slice{first, std::min(tokens_of_a_slice, num_tokens - first)};
    const auto [keys_SGK, values_SGV] = expanded_slice(spec, weights, call, sequence, slice);
    // Rows before the slice do not see it.
    const int64_t unseeing = std::max<int64_t>(0, first - sequence.num_past);
    const auto part = kernels::partial_attention(
        {.q_NHK = q_NHK.narrow(0, unseeing, sequence.num_rows - unseeing),
         .keys_SGK = head_by_head(keys_SGK),
         .values_SGV = head_by_head(values_SGV),
         .num_past = sequence.num_past + unseeing - first,
         .scale = spec.scale});
    first == 0 ? void(whole = part) : kernels::merge_into(whole, part);
  }
  return whole.out_NHV;
}

/// Sequences that begin and end in this call.
at::Tensor packed(const MlaSpec& spec, const MlaWeights& weights, const Queries& q,
                  const Latents& latents, const LayerCall& call) {
  auto [keys_NGK, values_NGV] = expanded_from(spec, weights, latents, call.groups);
  if (spec.head_norms) {
    keys_NGK = normed_keys(spec, weights, keys_NGK, call.norm, call.rotary);
  }
  return kernels::packed_attention({.q_NHK = at::cat({q.nope_NHK, q.rope_NHK}, 2),
                                    .k_NGK = keys_NGK,
                                    .v_NGV = values_NGV,
                                    .sequences = call.rows,
                                    .scale = spec.scale});
}

/// Every sequence in the form that is the cheaper one for it.
at::Tensor over_pages(const MlaSpec& spec, const MlaWeights& weights, const Queries& q,
                      const LayerCall& call) {
  auto mixed_NHV =
      at::empty({q.nope_NHK.size(0), spec.num_heads, spec.value_width}, q.nope_NHK.options());
  std::vector<kernels::PagedRows> together;
  for (const auto& sequence : call.sequences) {
    if (mla_form(spec, sequence.num_rows, call.groups) == MlaForm::Absorbed) {
      together.push_back(sequence);
      continue;
    }
    mixed_NHV.narrow(0, sequence.first_row, sequence.num_rows)
        .copy_(expanded(spec, weights, q, call, sequence));
  }
  if (together.empty()) return mixed_NHV;
  const auto all_NHV = absorbed(spec, weights, q, call, together);
  for (const auto& sequence : together) {
    mixed_NHV.narrow(0, sequence.first_row, sequence.num_rows)
        .copy_(all_NHV.narrow(0, sequence.first_row, sequence.num_rows));
  }
  return mixed_NHV;
}

}  // namespace

MlaForm mla_form(const MlaSpec& spec, int64_t num_rows, kernels::RowGroups groups) {
  // The norm of a key does not go through the up-projection.
  if (spec.head_norms) return MlaForm::Expanded;
  if (groups == kernels::RowGroups::Fixed) return MlaForm::Absorbed;
  // Expanding costs R G (Kn + V) products per remembered token and saves H (2 R - Kn - V) per pair.
  const int64_t expanding =
      spec.latent_rank * spec.num_kv_heads * (spec.nope_width + spec.value_width);
  const int64_t saved =
      spec.num_heads * (2 * spec.latent_rank - spec.nope_width - spec.value_width);
  return saved * num_rows > expanding ? MlaForm::Expanded : MlaForm::Absorbed;
}

at::Tensor mix_tokens(const MlaSpec& spec, const MlaWeights& weights, const at::Tensor& x_ND,
                      const LayerCall& call) {
  const auto q = queries_of(spec, weights, x_ND, call);
  const auto latents = latents_of(spec, weights, x_ND, call);
  at::Tensor mixed_NHV;
  if (call.pages) {
    kernels::store_rows({at::cat({latents.c_NR.unsqueeze(1), latents.k_N1K}, 2),
                         call.pages->part(0), call.sequences});
    mixed_NHV = over_pages(spec, weights, q, call);
  } else {
    mixed_NHV = packed(spec, weights, q, latents, call);
  }
  return project(weights.output, mixed_NHV.view({x_ND.size(0), -1}), call.groups);
}

}  // namespace hylo::models
