#include "tests/kernels/ops/gradient_check.h"

#include <algorithm>
#include <cmath>

namespace hylo::kernels::tests {

std::vector<at::Tensor> gradients_of(const ScalarOf& function, std::vector<at::Tensor> at_point) {
  for (auto& tensor : at_point) tensor = tensor.detach().clone().requires_grad_(true);
  function(at_point).backward();
  std::vector<at::Tensor> gradients;
  for (const auto& tensor : at_point) gradients.push_back(tensor.grad());
  return gradients;
}

double worst_gradient_error(const ScalarOf& function, const std::vector<at::Tensor>& at_point) {
  constexpr double step = 1e-5;
  const auto gradients = gradients_of(function, at_point);
  double worst = 0;
  for (size_t i = 0; i < at_point.size(); ++i) {
    auto moved = at_point;
    moved[i] = moved[i].detach().clone();
    double* x = moved[i].mutable_data_ptr<double>();
    const auto found = gradients[i].contiguous();
    for (int64_t j = 0; j < moved[i].numel(); ++j) {
      const double before = x[j];
      x[j] = before + step;
      const double above = function(moved).item<double>();
      x[j] = before - step;
      const double below = function(moved).item<double>();
      x[j] = before;
      const double gradient = found.const_data_ptr<double>()[j];
      const double error = std::abs((above - below) / (2 * step) - gradient);
      worst = std::max(worst, error / std::max(1.0, std::abs(gradient)));
    }
  }
  return worst;
}

}  // namespace hylo::kernels::tests
