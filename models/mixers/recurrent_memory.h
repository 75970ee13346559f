// The memory of a recurrent layer during a call: taken from the pages of its sequences, and put
// back.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/mixers/layer_call.h"

namespace hylo::models {

struct RecurrentMemory {
  at::Tensor tail_BCD;    ///< inputs that the convolution still needs
  at::Tensor state_BHKV;  ///< float32, or float64 for float64
};

/// Copies, one row per sequence of the call; undefined, which ops take for zeros, where nothing is
/// remembered.
RecurrentMemory recall(const LayerCall& call);
void remember(const LayerCall& call, const RecurrentMemory& memory);

/// Token by token where a row's bits must depend on its own past alone, and where so few tokens are
/// new that chunks of them do not pay.
kernels::RecurrentForm recurrent_form(const LayerCall& call);

/// float32, or float64 for float64: the type of states, decays and gates.
at::ScalarType state_type(const at::Tensor& x);

}  // namespace hylo::models
