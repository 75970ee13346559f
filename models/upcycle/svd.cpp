#include "models/upcycle/svd.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/linalg_svdvals.h>

namespace hylo::models {

Svd decomposed(const at::Tensor& weight_OI) {
  const auto [u, s, zt] = at::linalg_svd(weight_OI.to(at::kDouble), /*full_matrices=*/false);
  const auto largest = zt.abs().argmax(1, /*keepdim=*/true);
  const auto sign_N1 = zt.gather(1, largest).sign();
  return {u * sign_N1.t(), s, zt * sign_N1};
}

at::Tensor singular_values(const at::Tensor& weight_OI) {
  return at::linalg_svdvals(weight_OI.to(at::kDouble));
}

}  // namespace hylo::models
