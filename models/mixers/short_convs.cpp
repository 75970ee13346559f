#include "models/mixers/short_convs.h"

#include "kernels/ops/causal_conv.h"

namespace hylo::models {

Convolved short_convs(const ShortConvs& in, const RecurrentMemory& memory, const LayerCall& call) {
  int64_t first = 0;
  const auto convolve = [&](const at::Tensor& x_ND, const ConvWeights& weights) {
    const auto out = kernels::causal_conv(
        {.x_ND = x_ND,
         .weight_DC = weights.weight_DC,
         .bias_D = weights.bias_D,
         .tail_BCD = memory.tail_PCD.defined() ? memory.tail_PCD.narrow(2, first, x_ND.size(1))
                                               : at::Tensor(),
         .sequences = call.rows,
         .slots = memory.slots});
    first += x_ND.size(1);
    return out.out_ND;
  };
  const auto q_ND = convolve(in.q_ND, in.query);
  const auto k_ND = convolve(in.k_ND, in.key);
  const auto v_ND = convolve(in.v_ND, in.value);
  return {q_ND, k_ND, v_ND};
}

}  // namespace hylo::models
