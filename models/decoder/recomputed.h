// A function whose intermediate results are not kept for the backward pass, which runs it again.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace hylo::models {

/// run(x_ND). Where gradients are wanted, only x_ND is kept; the backward pass calls `run` once
/// more, which must give the same values, and lets gradients flow to x_ND and to the tensors that
/// `run` reads. Those get theirs in their .grad: they must be leaves.
at::Tensor recomputed(const std::function<at::Tensor(const at::Tensor&)>& run,
                      const at::Tensor& x_ND);

}  // namespace hylo::models
