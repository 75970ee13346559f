// The gate of a SwiGLU feed-forward.
// Source: Shazeer 2020 (arXiv 2002.05202).
#pragma once

#include <ATen/core/Tensor.h>

namespace hylo::kernels {

struct SwiGluIn {
  at::Tensor gate_NF;
  at::Tensor up_NF;  ///< same shape and type
};
/// silu(gate) * up, with silu in float32 (float64 for float64), rounded before the product as
/// transformers does. An element's bits depend on it alone. Differentiable once.
at::Tensor swiglu(const SwiGluIn& in);

}  // namespace hylo::kernels
