#include "models/distill/adamw.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>

#include "harness/base/error.h"

namespace hylo::models {

/// Tensors that share a weight decay, as the fused step wants them.
struct AdamW::Group {
  std::vector<at::Tensor> values, gradients, means, squares, steps;
};

AdamW::AdamW(std::vector<OptimizedTensor> tensors, const AdamWOptions& options)
    : tensors_(std::move(tensors)), options_(options) {
  for (const auto& tensor : tensors_) {
    means_.push_back(at::zeros_like(tensor.value.detach()));
    squares_.push_back(at::zeros_like(tensor.value.detach()));
    steps_.push_back(at::zeros({}, at::TensorOptions().dtype(at::kFloat)));
  }
}

void AdamW::step(std::span<const at::Tensor> gradients, double learning_rate) {
  invariant(gradients.size() == tensors_.size(), "{} gradients for {} tensors", gradients.size(),
            tensors_.size());
  const at::NoGradGuard no_grad;
  for (const bool decays : {true, false}) {
    Group group;
    for (size_t i = 0; i < tensors_.size(); ++i) {
      if (tensors_[i].decays != decays || !gradients[i].defined()) continue;
      group.values.push_back(tensors_[i].value.detach());
      group.gradients.push_back(gradients[i]);
      group.means.push_back(means_[i]);
      group.squares.push_back(squares_[i]);
      group.steps.push_back(steps_[i].add_(1));
    }
    if (group.values.empty()) continue;
    at::_fused_adamw_(group.values, group.gradients, group.means, group.squares,
                      /*max_exp_avg_sqs=*/{}, group.steps, learning_rate, options_.beta1,
                      options_.beta2, decays ? options_.weight_decay : 0, options_.epsilon,
                      /*amsgrad=*/false, /*maximize=*/false);
  }
}

std::vector<std::pair<std::string, at::Tensor>> AdamW::state() const {
  std::vector<std::pair<std::string, at::Tensor>> all;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    all.emplace_back(tensors_[i].name + ".mean", means_[i]);
    all.emplace_back(tensors_[i].name + ".square", squares_[i]);
    all.emplace_back(tensors_[i].name + ".steps", steps_[i]);
  }
  return all;
}

double norm_of(std::span<const at::Tensor> gradients) {
  double squares = 0;
  for (const auto& gradient : gradients) {
    if (!gradient.defined()) continue;
    const double norm =
        at::linalg_vector_norm(gradient, 2, at::OptionalIntArrayRef{}, false, at::kDouble)
            .item<double>();
    squares += norm * norm;
  }
  return std::sqrt(squares);
}

void clip_gradients(std::span<const at::Tensor> gradients, double norm, double max_norm) {
  constexpr double never_divide_by_zero = 1e-6;
  const double factor = std::min(1.0, max_norm / (norm + never_divide_by_zero));
  if (factor == 1) return;
  for (const auto& gradient : gradients) {
    if (gradient.defined()) gradient.mul_(factor);
  }
}

}  // namespace hylo::models
