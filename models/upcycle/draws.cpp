#include "models/upcycle/draws.h"

#include <ATen/ops/empty.h>

#include <cmath>
#include <numbers>

#include "harness/base/hash.h"

namespace hylo::models {

CounterRandom draws_of(uint64_t seed, const std::string& name) {
  return CounterRandom(CounterRandom(seed, crc32(name)).next());
}

double above_zero(CounterRandom& random) { return 1 - random.uniform(); }

double normal(CounterRandom& random) {
  const double radius = std::sqrt(-2 * std::log(above_zero(random)));
  return radius * std::cos(2 * std::numbers::pi * random.uniform());
}

at::Tensor drawn(at::IntArrayRef shape, const std::function<double()>& draw) {
  auto tensor = at::empty(shape, at::kDouble);
  auto* data = tensor.mutable_data_ptr<double>();
  for (int64_t i = 0; i < tensor.numel(); ++i) data[i] = draw();
  return tensor;
}

}  // namespace hylo::models
