#include "kernels/reference/rms_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/sqrt.h>

namespace hylo::kernels::reference {

at::Tensor rms_norm(const RmsNormIn& in) {
  const auto x = in.x.to(at::kDouble);
  const auto mean_square = (x * x).mean(-1, /*keepdim=*/true);
  return x / at::sqrt(mean_square + in.epsilon) *
         (in.weight_D.to(at::kDouble) + (in.zero_centred ? 1 : 0));
}

}  // namespace hylo::kernels::reference
