// What keeps routers of experts from sending all tokens to few of them.
// Sources: Fedus et al. 2021 (arXiv 2101.03961) equations 4 to 6, balance; Zoph et al. 2022 (arXiv
// 2202.08906) equation 5, size of logits.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "models/config/model_config.h"
#include "models/weights/weights.h"

namespace hylo::models {

struct RouterLoss {
  double balance_weight = 0;
  double z_weight = 0;
  [[nodiscard]] bool is_active() const { return balance_weight > 0 || z_weight > 0; }
  bool operator==(const RouterLoss&) const = default;
};

/// Means over the layers that have experts, of one pass's rows: a part of a step is balanced by
/// itself.
struct RouterTerms {
  /// E sum_e f_e p_e: f the share of choices that fell on expert e, p the mean of its probability.
  /// 1 where both are even; E where one expert gets all. No gradient through f.
  at::Tensor balance;
  at::Tensor z;  ///< the mean of the square of each row's log-sum-exp of logits
};

/// `router_logits_NE` by layer, undefined without experts. Differentiable. Throws
/// std::logic_error where no layer has experts.
RouterTerms router_terms(const ModelConfig& config, const ModelWeights& weights,
                         std::span<const at::Tensor> router_logits_NE);

}  // namespace hylo::models
