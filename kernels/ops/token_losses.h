// What losses over a vocabulary have in common: they are fused with the last projection, so that
// logits exist for a chunk of tokens at a time.
// Source: fla-org/flash-linear-attention, fla/modules/fused_kl_div.py; linkedin/Liger-Kernel,
// fused_linear_cross_entropy.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace hylo::kernels {

/// logits = scale * hidden weight^T.
struct Projection {
  at::Tensor hidden_ND;
  at::Tensor weight_WD;  ///< same type
  double scale = 1;
};

struct TokenLosses {
  at::Tensor sum;        ///< factor times the sum over the counted tokens; differentiable once
  at::Tensor of_each_N;  ///< float64, in nats, 0 for tokens that do not count; no gradient
};

/// Label of a token that does not count.
inline constexpr int64_t no_label = -100;

/// Throw Error, in the name of `op`, when shapes or types do not fit.
void check_projection(const char* op, const char* whose, const Projection& in);
void check_mask(const char* op, const at::Tensor& mask_N, int64_t num_tokens);

}  // namespace hylo::kernels
