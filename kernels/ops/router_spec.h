// How a router of a mixture of experts chooses; plain data.
#pragma once

#include <cstdint>

namespace hylo::kernels {

/// How logits become chosen experts and their weights.
enum class RouterKind {
  SoftmaxThenTop,  ///< softmax over all experts, then the k largest (Mixtral, Qwen, DeepSeek-V2)
  TopThenSoftmax,  ///< the k largest logits, then softmax over them (Granite)
  Sigmoid,         ///< sigmoid of each, chosen by the biased value (DeepSeek-V3)
};

struct RouterSpec {
  RouterKind kind = RouterKind::SoftmaxThenTop;
  bool normalised = false;      ///< the chosen weights are divided by their sum
  double scale = 1;             ///< multiplies the chosen weights
  bool selection_bias = false;  ///< a bias per expert that takes part in the choice alone
  int64_t num_groups = 1;       ///< experts are chosen from top_groups of these
  int64_t top_groups = 1;
  bool operator==(const RouterSpec&) const = default;
};

}  // namespace hylo::kernels
