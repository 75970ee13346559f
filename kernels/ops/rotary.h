// Rotary position embedding.
// Source: Su et al. 2021 (arXiv 2104.09864); layout of transformers' rotate_half.
#pragma once

#include <ATen/core/Tensor.h>

namespace hylo::kernels {

struct RotaryIn {
  at::Tensor x_NHK;   ///< contiguous; the first 2 * width(cos) entries of a head are rotated
  at::Tensor cos_NP;  ///< float32 or float64, P pairs; attention scaling multiplied in
  at::Tensor sin_NP;
  /// Dims 2i and 2i + 1 form a pair, and the result holds the first of every pair and then the
  /// second (DeepSeek). Otherwise dims i and i + P do, and stay where they are (Llama).
  bool interleaved = false;
};
/// A rotated copy. Products in float32 (float64 for float64), one rounding at the end. A row's bits
/// depend on that row alone. Differentiable once in x. Throws Error when shapes disagree.
at::Tensor rotary(const RotaryIn& in);

}  // namespace hylo::kernels
