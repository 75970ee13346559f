#include "models/upcycle/mla_ranks.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cumsum.h>

#include <algorithm>

#include "harness/base/error.h"
#include "models/upcycle/attention_to_mla.h"
#include "models/upcycle/svd.h"

namespace hylo::models {

int64_t rank_by_energy(const at::Tensor& singular_values_N, double energy) {
  require(energy > 0 && energy <= 1,
          "energy of singular values: expected a share above 0 and at most 1, found {}", energy);
  constexpr int64_t step = 8;
  const auto running_N = singular_values_N.to(at::kDouble).square().cumsum(0);
  const auto total = running_N[-1].item<double>();
  const int64_t held = (running_N / total).le(energy).sum().item<int64_t>();
  const int64_t rounded = (std::max<int64_t>(held, 1) + step - 1) / step * step;
  return std::min(rounded, running_N.numel());
}

MlaRanks ranks_by_energy(const AttentionTeacher& teacher, double energy) {
  const auto stacked = stacked_keys_and_values(teacher, teacher.spec.num_heads);
  return {
      .query_rank = rank_by_energy(singular_values(teacher.weights.query.weight_OI), energy),
      .latent_rank = rank_by_energy(singular_values(stacked), energy),
  };
}

}  // namespace hylo::models
