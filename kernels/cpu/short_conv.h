// The short depthwise convolution of recurrent layers, on CPUs. Vectorised by Highway over channels
// and dispatched at run time. Shapes have been checked by the op that calls.
#pragma once

#include "kernels/ops/causal_conv.h"

namespace hylo::kernels::cpu {

/// Rows of x_ND and of the tails may lie apart; weights are contiguous. Exactly one of the weights
/// is defined.
struct ShortConvIn {
  at::Tensor x_ND;
  at::Tensor weight_CD;   ///< the same taps for every row, in the type that computes
  at::Tensor weight_NDC;  ///< taps of every row, in the type of x
  at::Tensor bias_D;      ///< in the type that computes; undefined: none
  at::Tensor tail_BCD;    ///< type of x
  Slots slots;            ///< of the sequences' tails; empty: in their order
  std::span<const RowRange> sequences;
  ConvActivation activation = ConvActivation::Silu;
};
void short_conv(const ShortConvIn& in, at::Tensor& out_ND);

}  // namespace hylo::kernels::cpu
