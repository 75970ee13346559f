// What a mixer begins with before a teacher's weights are copied into it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "models/weights/mixer_weights.h"

namespace hylo::models {

/// The tensors of a mixer as its sources initialise them: projections, convolutions and their
/// biases uniform within 1 / sqrt(width of the input) of 0 (PyTorch's default), norms and skips 1,
/// the bias of Llamba's gate 0, decay rates uniform in 0..16 for delta rules and 1..16 for Mamba-2,
/// steps log-uniform in 1e-3..0.1. JetBlock's taps begin as a static convolution, normal with
/// deviation 0.02.
///
/// `name` opens the names of the tensors ("layers.3.mixer"). Draws depend on seed, name and shape
/// alone: not on other layers, not on the type, not on threads.
MixerWeights initial_mixer(const MixerSpec& spec, const std::string& name, int64_t model_width,
                           at::ScalarType type, uint64_t seed);

}  // namespace hylo::models
