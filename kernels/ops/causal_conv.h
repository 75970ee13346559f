// Depthwise causal convolution over a few tokens, with the tail that a sequence carries on.
// Source: Dao-AILab/causal-conv1d, causal_conv1d_interface.py; the convolution of Mamba and Gated
// DeltaNet.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "kernels/ops/row_range.h"

namespace hylo::kernels {

enum class ConvActivation { None, Silu };

/// New tokens of B sequences, N rows together; D channels, C taps.
struct CausalConvIn {
  at::Tensor x_ND;
  at::Tensor weight_DC;  ///< same type; the last tap multiplies the newest token
  at::Tensor bias_D;     ///< same type; undefined: none
  at::Tensor tail_BCD;   ///< [B, C - 1, D] inputs before the first row, oldest first; undefined: 0
  std::span<const RowRange> sequences;
  ConvActivation activation = ConvActivation::Silu;
  /// Not empty: tail_BCD is a pool [P, C - 1, D] in which tails move on in place; no gradient.
  Slots slots = {};
};
struct CausalConvOut {
  at::Tensor out_ND;    ///< type of x; sums in float32 (float64 for float64), one rounding
  at::Tensor tail_BCD;  ///< the last C - 1 inputs of each sequence; a new tensor, or the pool
};

/// out_t[d] = activation(bias[d] + sum_c weight[d, c] x_{t-C+1+c}[d]), zeros before the start.
/// Rows of no sequence are zero. Differentiable in every tensor, once. A row's bits depend on its
/// own C inputs alone. Throws Error when shapes or types disagree.
CausalConvOut causal_conv(const CausalConvIn& in);

/// The same with taps of their own for every token: weight_NDC[t] in the place of weight_DC.
/// Source: the dynamic convolution of JetBlock, NVlabs/Jet-Nemotron jetai/modeling/hf/
/// dynamic_conv.py.
struct DynamicConvIn {
  at::Tensor x_ND;
  at::Tensor weight_NDC;  ///< same type
  at::Tensor tail_BCD;    ///< as in CausalConvIn
  std::span<const RowRange> sequences;
  ConvActivation activation = ConvActivation::Silu;
  Slots slots = {};  ///< as in CausalConvIn
};
CausalConvOut dynamic_conv(const DynamicConvIn& in);

}  // namespace hylo::kernels
