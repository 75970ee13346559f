// Three short convolutions, on queries, keys and values, whose tails lie side by side in memory.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/mixers/layer_call.h"
#include "models/mixers/recurrent_memory.h"
#include "models/weights/linear_weights.h"

namespace hylo::models {

struct ShortConvs {
  at::Tensor q_ND, k_ND, v_ND;
  const ConvWeights& query;
  const ConvWeights& key;
  const ConvWeights& value;
};
struct Convolved {
  at::Tensor q_ND, k_ND, v_ND;
};
/// Each with SiLU; the tails of `memory` move on.
Convolved short_convs(const ShortConvs& in, const RecurrentMemory& memory, const LayerCall& call);

}  // namespace hylo::models
