// Numbers drawn for a tensor, by its name: they do not hang on what else is drawn.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>

#include "harness/base/random.h"

namespace hylo::models {

/// The draws that belong to seed and name.
CounterRandom draws_of(uint64_t seed, const std::string& name);

/// Uniform in (0, 1]: a logarithm may be taken.
double above_zero(CounterRandom& random);
/// Mean 0, deviation 1.
double normal(CounterRandom& random);

/// float64, filled in the order of rows; the same for every number of threads.
at::Tensor drawn(at::IntArrayRef shape, const std::function<double()>& draw);

}  // namespace hylo::models
