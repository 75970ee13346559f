#include "kernels/ops/partial_attention.h"

#include <ATen/ops/empty.h>

#include "harness/base/error.h"
#include "kernels/cpu/partial_attention.h"
#include "kernels/ops/gradient.h"
#include "kernels/ops/shape.h"

namespace hylo::kernels {
namespace {

void check(const PartialAttentionIn& in) {
  const auto& [q, keys, values, num_past, scale] = in;
  require(q.dim() == 3 && keys.dim() == 3 && values.dim() == 3 && q.is_contiguous() &&
              keys.stride(2) == 1 && values.stride(2) == 1 &&
              q.scalar_type() == keys.scalar_type() && q.scalar_type() == values.scalar_type(),
          "partial_attention: q {}, keys {} and values {} must have three dims and one type, and "
          "heads must be contiguous",
          type_text(q), type_text(keys), type_text(values));
  require(keys.sizes().slice(0, 2) == values.sizes().slice(0, 2) && q.size(2) == keys.size(2) &&
              keys.size(1) > 0 && q.size(1) % keys.size(1) == 0,
          "partial_attention: q {}, keys {} and values {} must agree in width and heads",
          shape_text(q), shape_text(keys), shape_text(values));
  require(keys.size(0) > 0 && num_past >= 0,
          "partial_attention: {} keys behind {} tokens; every row must see a key", keys.size(0),
          num_past);
  require(scale > 0, "partial_attention: a scale of {}; expected above 0", scale);
  require(!wants_gradient({q, keys, values}),
          "partial_attention: it has no gradient; a batch without caches is trained through");
}

}  // namespace

PartialAttention partial_attention(const PartialAttentionIn& in) {
  check(in);
  const int64_t num_rows = in.q_NHK.size(0), heads = in.q_NHK.size(1);
  const auto type = in.q_NHK.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const auto options = in.q_NHK.options().dtype(type);
  const PartialAttention part{at::empty({num_rows, heads, in.values_SGV.size(2)}, options),
                              at::empty({num_rows, heads}, options)};
  const int32_t only_page = 0;
  const PagedRows rows{
      .first_row = 0, .num_rows = num_rows, .num_past = in.num_past, .pages = {&only_page, 1}};
  cpu::partial_attention({.q_NHK = in.q_NHK,
                          .keys_PSGK = in.keys_SGK.unsqueeze(0),
                          .values_PSGV = in.values_SGV.unsqueeze(0),
                          .sequences = {&rows, 1},
                          .scale = in.scale},
                         in.keys_SGK.size(0), part);
  return part;
}

void merge_into(const PartialAttention& whole, const PartialAttention& part) {
  require(part.out_NHV.size(0) <= whole.out_NHV.size(0) &&
              part.out_NHV.sizes().slice(1) == whole.out_NHV.sizes().slice(1) &&
              part.out_NHV.scalar_type() == whole.out_NHV.scalar_type(),
          "merge_into: part {} and whole {} must agree in heads, width and type, and the part has "
          "no more rows",
          type_text(part.out_NHV), type_text(whole.out_NHV));
  cpu::merge_attention(whole, part);
}

}  // namespace hylo::kernels
