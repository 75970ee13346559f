// Root-mean-square norm over the last dim.
// Source: Zhang, Sennrich 2019 (arXiv 1910.07467); rounding as in transformers' LlamaRMSNorm.
#pragma once

#include <ATen/core/Tensor.h>

namespace hylo::kernels {

struct RmsNormIn {
  at::Tensor x;         ///< [..., D], contiguous
  at::Tensor weight_D;  ///< same type as x
  double epsilon = 1e-6;
  bool zero_centred = false;  ///< the weight is stored less 1 (Qwen3-Next)
  bool rounded_once = false;  ///< after the weight only (Qwen3-Next, OLMo, Jet-Nemotron)
};
/// weight * round(x / sqrt(mean(x^2) + epsilon)): statistics in float32 (float64 for float64),
/// rounded to the type of x before the weight unless rounded_once. A row's bits depend on that row
/// alone. Differentiable once in x and weight. Throws Error when shapes or types disagree.
at::Tensor rms_norm(const RmsNormIn& in);

}  // namespace hylo::kernels
