#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/empty.h>

#include <cmath>

#include "models/weights/checkpoint.h"
#include "models/weights/number_types.h"

namespace hylo::models {

ModelWeights random_weights(const ModelConfig& config, NumberType type, uint64_t seed) {
  auto weights = empty_weights(config);
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  const auto options = at::TensorOptions().dtype(scalar_type(type));
  visit_weights(config, weights, [&](const WeightSlot& slot, at::Tensor& tensor) {
    tensor = at::empty(slot.shape, options);
    if (slot.name.ends_with("norm.weight")) {
      tensor.fill_(1);
    } else if (slot.name.ends_with(".bias")) {
      tensor.zero_();
    } else {
      tensor.normal_(0, 1 / std::sqrt(static_cast<double>(slot.shape.back())), generator);
    }
  });
  return weights;
}

}  // namespace hylo::models
