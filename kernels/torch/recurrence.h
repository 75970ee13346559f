// The chunked recurrence as a differentiable function.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/cpu/recurrence.h"

namespace hylo::kernels::torch_form {

struct RecurrenceOut {
  at::Tensor out_NHV;     ///< type of v
  at::Tensor state_BHKV;  ///< after the last rows
};

/// cpu::recurrence_chunked, differentiable once in every tensor of `in` and in the first states.
///
/// Memory beyond inputs, results and gradients, with c the bytes of the type that computes: for the
/// backward pass a forward pass keeps N H V c bytes (with a delta rule) and H K V c for every
/// segment of 512 rows; the backward pass adds 2 N H K c for the gradients of q and k per value
/// head and, per thread, 10 states and a few chunks. All of it is linear in N.
RecurrenceOut recurrence(const cpu::RecurrenceIn& in, const at::Tensor& state_BHKV);

}  // namespace hylo::kernels::torch_form
