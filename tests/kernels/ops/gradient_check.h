// Gradients held against differences of the function itself.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace hylo::kernels::tests {

using ScalarOf = std::function<at::Tensor(const std::vector<at::Tensor>&)>;

/// The gradients of a scalar function of float tensors.
std::vector<at::Tensor> gradients_of(const ScalarOf& function, std::vector<at::Tensor> at_point);

/// The largest difference between a gradient and the central difference, over every element of
/// float64 tensors, relative to the larger of 1 and the gradient.
double worst_gradient_error(const ScalarOf& function, const std::vector<at::Tensor>& at_point);

}  // namespace hylo::kernels::tests
