// AdamW over a list of tensors, and clipping by the norm of all gradients.
// Source: Loshchilov, Hutter (arXiv 1711.05101); the steps are LibTorch's fused ones.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace hylo::models {

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8;
  double weight_decay = 0;  ///< per step and unit of learning rate; decoupled
  bool operator==(const AdamWOptions&) const = default;
};

struct OptimizedTensor {
  std::string name;
  at::Tensor value;  ///< changed in place; float32 or float64
  bool decays = true;
};

/// value <- value (1 - rate decay), then value <- value - rate m^ / (sqrt(v^) + epsilon). The
/// moments have the type of the values: 8 bytes a float32 parameter.
class AdamW {
 public:
  AdamW(std::vector<OptimizedTensor> tensors, const AdamWOptions& options);

  [[nodiscard]] const std::vector<OptimizedTensor>& tensors() const { return tensors_; }

  /// One gradient for each tensor, of its type and shape; a tensor whose gradient is undefined
  /// stays as it is, and so do its moments and its count of steps.
  void step(std::span<const at::Tensor> gradients, double learning_rate);

  /// Moments and counts, by name; views, so filling them restores them.
  [[nodiscard]] std::vector<std::pair<std::string, at::Tensor>> state() const;

 private:
  struct Group;

  std::vector<OptimizedTensor> tensors_;
  AdamWOptions options_;
  std::vector<at::Tensor> means_, squares_, steps_;
};

/// The L2 norm of all gradients together, in float64; undefined ones count nothing.
double norm_of(std::span<const at::Tensor> gradients);

/// Scales all gradients by min(1, max_norm / (norm + 1e-6)), as LibTorch does.
void clip_gradients(std::span<const at::Tensor> gradients, double norm, double max_norm);

}  // namespace hylo::models
