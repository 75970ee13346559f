#include "models/config/families/expert_keys.h"

namespace hylo::models {

void check_mixture(const MoeSpec& mixture, const std::string& where) {
  require(mixture.experts_per_token <= mixture.num_experts,
          "{}: {} experts a token (num_experts_per_tok), but there are {}", where,
          mixture.experts_per_token, mixture.num_experts);
  expect_divides(where, "the number of experts", mixture.num_experts, "n_group",
                 mixture.router.num_groups);
  require(mixture.router.top_groups >= 1 && mixture.router.top_groups <= mixture.router.num_groups,
          "{}: topk_group {} of n_group {}", where, mixture.router.top_groups,
          mixture.router.num_groups);
}

std::vector<bool> layers_with_experts(JsonReader& reader, int64_t num_layers, int64_t num_experts) {
  std::vector<bool> sparse(num_layers, num_experts > 0);
  const auto step = positive_or<int64_t>(reader, "decoder_sparse_step", 1);
  for (int64_t i = 0; i < num_layers; ++i) {
    if ((i + 1) % step != 0) sparse[i] = false;
  }
  for (const auto layer : layer_indices(reader, "mlp_only_layers", num_layers)) {
    sparse[layer] = false;
  }
  return sparse;
}

}  // namespace hylo::models
