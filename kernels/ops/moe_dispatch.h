// Routing of tokens to experts.
// Sources: huggingface/transformers, models/{mixtral,qwen3_moe,granitemoe,deepseek_v2,deepseek_v3};
// groups: DeepSeek-V3 (arXiv 2412.19437) section 2.1.2.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/ops/router_spec.h"

namespace hylo::kernels {

struct RouteIn {
  at::Tensor logits_NE;  ///< any floating type
  int64_t experts_per_token = 0;
  RouterSpec spec;
  at::Tensor bias_E;  ///< undefined: none; added to the value by which experts are chosen
};
struct Routes {
  at::Tensor experts_Nk;  ///< int64, by falling value of choice; among equals the lowest index;
                          ///< NaN before all
  at::Tensor weights_Nk;  ///< float32 (float64 for float64)
};
/// DeepSeek-V3 adds this to the sum of weights that it divides by.
inline constexpr double sigmoid_sum_epsilon = 1e-20;

/// Groups are judged by their best expert, with Sigmoid by the sum of their two best. A row's
/// result depends on that row alone. The weights are differentiable in the logits. Throws Error
/// when shapes disagree.
Routes route(const RouteIn& in);

/// The rows that an expert gets, ascending.
struct ExpertRows {
  int64_t expert = 0;
  at::Tensor rows_M;     ///< int64
  at::Tensor weights_M;  ///< their weights
};
/// Of the experts that get any, by ascending index. Throws Error for an expert that is not there.
std::vector<ExpertRows> rows_of_experts(const Routes& routes, int64_t num_experts);

/// The rows of x_ND that each expert gets, in the order of `experts`. Differentiable, and then the
/// rows of all experts are taken at once: the gradient of each by itself would be as large as x_ND.
class RowsOfExperts {
 public:
  RowsOfExperts(const at::Tensor& x_ND, std::span<const ExpertRows> experts);
  [[nodiscard]] at::Tensor of(size_t i) const;

 private:
  at::Tensor x_ND_;
  std::span<const ExpertRows> experts_;
  std::vector<at::Tensor> all_;  ///< empty without a gradient
};

/// sum_ND with weights[m] y[m] added to row rows[m], in the type of sum_ND, which is that of the
/// weights. Written in place. Called for one expert
/// after the other, a row's sum runs in the order of its experts, so its bits depend on it alone.
at::Tensor add_weighted(const at::Tensor& sum_ND, const at::Tensor& y_MD, const ExpertRows& to);

}  // namespace hylo::kernels
