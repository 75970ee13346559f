// Losses over a vocabulary as differentiable functions of the last hidden states and the head.
#pragma once

#include <functional>
#include <span>

#include "kernels/cpu/token_losses.h"
#include "kernels/ops/token_losses.h"

namespace hylo::kernels::torch_form {

/// Fills losses, and the logits with gradients where they are wanted, for the tokens from `first`.
using LossOfRows = std::function<void(const cpu::LossRows& rows, int64_t first)>;

/// Walks over the tokens in chunks; shapes have been checked.
TokenLosses token_losses(const Projection& student, double factor, const LossOfRows& loss);

/// Tokens whose logits are held at once: at most 32M elements.
int64_t tokens_of_a_chunk(int64_t vocabulary_size);

}  // namespace hylo::kernels::torch_form
