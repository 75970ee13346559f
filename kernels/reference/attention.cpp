#include "kernels/reference/attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/einsum.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <vector>

namespace hylo::kernels::reference {
namespace {

int64_t first_key(const AttentionIn& in, int64_t position) {
  return in.window ? std::max<int64_t>(0, position - *in.window + 1) : 0;
}

/// The rows of the positions [begin, end), [S, H, K]: each key/value head once per query head.
at::Tensor rows_of(const AttentionIn& in, const at::Tensor& pages_PSGK, const PagedRows& sequence,
                   int64_t begin, int64_t end) {
  std::vector<at::Tensor> rows;
  for (int64_t key = begin; key < end; ++key) {
    const int64_t page = sequence.pages[key / pages_PSGK.size(1)];
    rows.push_back(pages_PSGK.select(0, page).select(0, key % pages_PSGK.size(1)));
  }
  const int64_t heads_of_group = in.q_NHK.size(1) / pages_PSGK.size(2);
  return at::stack(rows).to(at::kDouble).repeat_interleave(heads_of_group, 1);
}

}  // namespace

at::Tensor attention(const AttentionIn& in) {
  auto out_NHV = at::zeros({in.q_NHK.size(0), in.q_NHK.size(1), in.values_PSGV.size(3)},
                           in.q_NHK.options().dtype(at::kDouble));
  for (const auto& sequence : in.sequences) {
    if (sequence.num_rows == 0) continue;
    const int64_t begin = first_key(in, sequence.num_past);
    const int64_t end = sequence.num_past + sequence.num_rows;
    const auto k_SHK = rows_of(in, in.keys_PSGK, sequence, begin, end);
    const auto v_SHV = rows_of(in, in.values_PSGV, sequence, begin, end);
    for (int64_t position = sequence.num_past; position < end; ++position) {
      const int64_t row = sequence.first_row + position - sequence.num_past;
      const int64_t first = first_key(in, position), seen = position + 1 - first;
      const auto q_HK = in.q_NHK.select(0, row).to(at::kDouble);
      const auto scores_HS =
          at::einsum("hk,shk->hs", {q_HK, k_SHK.narrow(0, first - begin, seen)}) * in.scale;
      out_NHV.select(0, row).copy_(at::einsum(
          "hs,shv->hv", {at::softmax(scores_HS, -1), v_SHV.narrow(0, first - begin, seen)}));
    }
  }
  return out_NHV;
}

}  // namespace hylo::kernels::reference
