#include "models/blocks/feed_forward.h"

#include "kernels/ops/swiglu.h"
#include "models/blocks/linear.h"

namespace hylo::models {

at::Tensor feed_forward(const SwiGluSpec&, const SwiGluWeights& weights, const at::Tensor& x_ND,
                        kernels::RowGroups groups) {
  const auto gated_NF =
      kernels::swiglu({project(weights.gate, x_ND, groups), project(weights.up, x_ND, groups)});
  return project(weights.down, gated_NF, groups);
}

}  // namespace hylo::models
