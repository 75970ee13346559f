// Singular values in float64, of weights of any type.
#pragma once

#include <ATen/core/Tensor.h>

namespace hylo::models {

/// weight = u diag(s) z^T, N = min(O, I) terms, all float64; s falls. The signs of a pair of
/// vectors are free; here the largest entry of every row of z^T is positive, so that they do not
/// hang on the library that computes them.
struct Svd {
  at::Tensor u_ON, s_N, zt_NI;
};
Svd decomposed(const at::Tensor& weight_OI);

/// s of decomposed() alone.
at::Tensor singular_values(const at::Tensor& weight_OI);

}  // namespace hylo::models
