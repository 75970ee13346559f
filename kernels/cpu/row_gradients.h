// Gradients of the row ops on CPUs, vectorised by Highway and dispatched at run time. Shapes have
// been checked; every tensor is contiguous.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/ops/rms_norm.h"
#include "kernels/ops/swiglu.h"

namespace hylo::kernels::cpu {

/// The gradient of the weight is summed over blocks of so many rows, and then over the blocks, so
/// that it does not depend on the number of threads.
inline constexpr int64_t norm_block_rows = 128;

struct RmsNormGradients {
  at::Tensor x;          ///< type of x
  at::Tensor weight_BD;  ///< of the type that computes, one row per block: to be summed
};
void rms_norm_backward(const RmsNormIn& in, const at::Tensor& d_out, RmsNormGradients& gradients);

struct SwiGluGradients {
  at::Tensor gate_NF, up_NF;
};
void swiglu_backward(const SwiGluIn& in, const at::Tensor& d_out_NF, SwiGluGradients& gradients);

}  // namespace hylo::kernels::cpu
