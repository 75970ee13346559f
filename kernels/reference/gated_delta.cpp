#include "kernels/reference/gated_delta.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/einsum.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/repeat_interleave.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <vector>

namespace hylo::kernels::reference {

GatedDeltaOut gated_delta(const GatedDeltaIn& in) {
  const int64_t num_heads = in.v_NHV.size(1), group = num_heads / in.q_NHK.size(1);
  const auto q_NHK = in.q_NHK.to(at::kDouble).repeat_interleave(group, 1) * in.scale;
  const auto k_NHK = in.k_NHK.to(at::kDouble).repeat_interleave(group, 1);
  const auto v_NHV = in.v_NHV.to(at::kDouble), beta_NH = in.beta_NH.to(at::kDouble);
  auto decay = in.log_decay_NH.to(at::kDouble).exp();
  if (decay.dim() == 2) decay = decay.unsqueeze(-1);

  const auto nothing_HV = at::zeros({num_heads, v_NHV.size(2)}, v_NHV.options());
  std::vector<at::Tensor> out_HV(v_NHV.size(0), nothing_HV), states_HKV;
  for (size_t b = 0; b < in.sequences.size(); ++b) {
    auto state_HKV = in.state_BHKV.defined()
                         ? in.state_BHKV.select(0, static_cast<int64_t>(b)).to(at::kDouble)
                         : at::zeros({num_heads, k_NHK.size(2), v_NHV.size(2)}, v_NHV.options());
    const auto& [first_row, num_rows] = in.sequences[b];
    for (int64_t t = first_row; t < first_row + num_rows; ++t) {
      const auto k_HK = k_NHK.select(0, t);
      state_HKV = state_HKV * decay.select(0, t).unsqueeze(-1);
      const auto recalled_HV = at::einsum("hk,hkv->hv", {k_HK, state_HKV});
      const auto written_HV =
          beta_NH.select(0, t).unsqueeze(-1) * (v_NHV.select(0, t) - recalled_HV);
      state_HKV = state_HKV + at::einsum("hk,hv->hkv", {k_HK, written_HV});
      out_HV[t] = at::einsum("hk,hkv->hv", {q_NHK.select(0, t), state_HKV});
    }
    states_HKV.push_back(state_HKV);
  }
  return {at::stack(out_HV), at::stack(states_HKV)};
}

}  // namespace hylo::kernels::reference
