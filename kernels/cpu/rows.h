// Row kernels for CPUs, vectorised by Highway and dispatched at run time. Shapes have been checked
// by the op that calls; every pointer is to contiguous memory.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/ops/attention.h"
#include "kernels/ops/log_likelihood.h"
#include "kernels/ops/rms_norm.h"
#include "kernels/ops/rotary.h"
#include "kernels/ops/swiglu.h"

namespace hylo::kernels::cpu {

void rms_norm(const RmsNormIn& in, at::Tensor& out);
void swiglu(const SwiGluIn& in, at::Tensor& out_NF);
void rotary(const RotaryIn& in, at::Tensor& out_NHK);
void attention(const AttentionIn& in, at::Tensor& out_NHV);
std::vector<TokenLogProb> log_likelihoods(const at::Tensor& logits_NW,
                                          std::span<const Target> targets);

}  // namespace hylo::kernels::cpu
