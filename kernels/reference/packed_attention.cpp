#include "kernels/reference/packed_attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/einsum.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include <limits>
#include <vector>

namespace hylo::kernels::reference {
namespace {

/// True where the query of a row does not see the key of a column, [T, T].
at::Tensor hidden_pairs(int64_t rows, std::optional<int64_t> window) {
  const auto place_T = at::arange(rows);
  const auto back_TS = place_T.unsqueeze(1) - place_T.unsqueeze(0);
  return window ? (back_TS < 0).logical_or(back_TS >= *window) : back_TS < 0;
}

}  // namespace

at::Tensor packed_attention(const PackedAttentionIn& in) {
  const int64_t heads = in.q_NHK.size(1), heads_of_group = heads / in.k_NGK.size(1);
  const auto q_NHK = in.q_NHK.to(at::kDouble);
  const auto k_NHK = in.k_NGK.to(at::kDouble).repeat_interleave(heads_of_group, 1);
  const auto v_NHV = in.v_NGV.to(at::kDouble).repeat_interleave(heads_of_group, 1);
  std::vector<at::Tensor> parts;
  int64_t end = 0;
  const auto add_rows_of_nobody = [&](int64_t until) {
    parts.push_back(at::zeros({until - end, heads, in.v_NGV.size(2)}, v_NHV.options()));
  };
  for (const auto& sequence : in.sequences) {
    const auto rows = [&](const at::Tensor& x) {
      return x.narrow(0, sequence.first_row, sequence.num_rows);
    };
    add_rows_of_nobody(sequence.first_row);
    const auto scores_HTS = (at::einsum("thk,shk->hts", {rows(q_NHK), rows(k_NHK)}) * in.scale)
                                .masked_fill(hidden_pairs(sequence.num_rows, in.window),
                                             -std::numeric_limits<double>::infinity());
    parts.push_back(at::einsum("hts,shv->thv", {at::softmax(scores_HTS, -1), rows(v_NHV)}));
    end = sequence.first_row + sequence.num_rows;
  }
  add_rows_of_nobody(in.q_NHK.size(0));
  return at::cat(parts);
}

}  // namespace hylo::kernels::reference
