// The norm of a network: the op with the network's conventions.
#pragma once

#include "kernels/ops/rms_norm.h"
#include "models/config/model_config.h"

namespace hylo::models {

inline at::Tensor normed(const at::Tensor& x, const at::Tensor& weight, const NormSpec& norm) {
  return kernels::rms_norm({x, weight, norm.epsilon, norm.zero_centred, norm.rounded_once});
}

}  // namespace hylo::models
