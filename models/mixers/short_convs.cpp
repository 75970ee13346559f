#include "models/mixers/short_convs.h"

#include <ATen/ops/cat.h>

#include "kernels/ops/causal_conv.h"

namespace hylo::models {

Convolved short_convs(const ShortConvs& in, RecurrentMemory& memory, const LayerCall& call) {
  int64_t first = 0;
  std::vector<at::Tensor> tails;
  const auto convolve = [&](const at::Tensor& x_ND, const ConvWeights& weights) {
    const auto out = kernels::causal_conv(
        {.x_ND = x_ND,
         .weight_DC = weights.weight_DC,
         .bias_D = weights.bias_D,
         .tail_BCD = memory.tail_BCD.defined() ? memory.tail_BCD.narrow(2, first, x_ND.size(1))
                                               : at::Tensor(),
         .sequences = call.rows});
    first += x_ND.size(1);
    tails.push_back(out.tail_BCD);
    return out.out_ND;
  };
  const auto q_ND = convolve(in.q_ND, in.query);
  const auto k_ND = convolve(in.k_ND, in.key);
  const auto v_ND = convolve(in.v_ND, in.value);
  memory.tail_BCD = at::cat(tails, 2);
  return {q_ND, k_ND, v_ND};
}

}  // namespace hylo::models
