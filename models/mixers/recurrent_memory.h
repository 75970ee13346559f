// The memory of a recurrent layer during a call: where, among the states of all sequences, those of
// the call lie.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "models/mixers/layer_call.h"

namespace hylo::models {

/// Pools, read and stepped in place by the ops: a copy would cost a decode step more than the step.
struct RecurrentMemory {
  at::Tensor tail_PCD;         ///< inputs that the convolution still needs
  at::Tensor state_PHKV;       ///< float32, or float64 for float64
  std::vector<int32_t> slots;  ///< one per sequence of the call
};
/// What the call starts from where nothing is remembered: undefined, which ops take for zeros,
/// unless the call says.
RecurrentMemory memory_of(const LayerCall& call);

/// Token by token where a row's bits must depend on its own past alone; where nothing is
/// remembered, the form that can be trained through; else each sequence as its length asks.
kernels::RecurrentForm recurrent_form(const LayerCall& call);

/// float32, or float64 for float64: the type of states, decays and gates.
at::ScalarType state_type(const at::Tensor& x);

}  // namespace hylo::models
