// Rotary position embedding in the "rotate half" layout: dims i and i + Kr/2 form a pair.
// Source: Su et al. 2021 (arXiv 2104.09864); layout of transformers' rotate_half.
#pragma once

#include <ATen/core/Tensor.h>

namespace hylo::kernels {

struct RotaryIn {
  at::Tensor x_NHK;   ///< contiguous; the first 2 * width(cos) entries of a head are rotated
  at::Tensor cos_NP;  ///< float32 or float64, P pairs; attention scaling multiplied in
  at::Tensor sin_NP;
};
/// A rotated copy. Products in float32 (float64 for float64), one rounding at the end. A row's bits
/// depend on that row alone. Throws Error when shapes disagree.
at::Tensor rotary(const RotaryIn& in);

}  // namespace hylo::kernels
