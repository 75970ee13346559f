// The short depthwise convolution of recurrent layers, on CPUs. Vectorised by Highway over channels
// and dispatched at run time. Shapes have been checked by the op that calls.
#pragma once

#include "kernels/ops/causal_conv.h"

namespace hylo::kernels::cpu {

/// Rows of x_ND and of the tails may lie apart; weights are contiguous. Exactly one of the weights
/// is defined. All of one type.
struct ShortConvIn {
  at::Tensor x_ND;
  at::Tensor weight_DC;   ///< the same taps for every row
  at::Tensor weight_NDC;  ///< taps of every row
  at::Tensor bias_D;      ///< undefined: none
  at::Tensor tail_BCD;
  Slots slots;  ///< of the sequences' tails; empty: in their order
  std::span<const RowRange> sequences;
  ConvActivation activation = ConvActivation::Silu;
};
void short_conv(const ShortConvIn& in, at::Tensor& out_ND);

/// Each is contiguous and is written, not added to; what belongs to no row of a sequence is left as
/// it is.
struct ShortConvGradients {
  at::Tensor x_ND, tail_BCD;  ///< type of x
  at::Tensor weight;          ///< [D, C] in the type that computes, or [N, D, C] in that of x
  at::Tensor bias_D;          ///< of the type that computes; undefined where there is no bias
};
/// There are no slots. Sums over rows do not depend on the number of threads.
void short_conv_backward(const ShortConvIn& in, const at::Tensor& d_out_ND,
                         ShortConvGradients& gradients);

}  // namespace hylo::kernels::cpu
