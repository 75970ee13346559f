#include "kernels/reference/rotary.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>

namespace hylo::kernels::reference {

at::Tensor rotary(const RotaryIn& in) {
  const int64_t pairs = in.cos_NP.size(1);
  const auto x_NHK = in.x_NHK.to(at::kDouble);
  const auto cos_N1P = in.cos_NP.to(at::kDouble).unsqueeze(1);
  const auto sin_N1P = in.sin_NP.to(at::kDouble).unsqueeze(1);
  const auto rotated = x_NHK.narrow(2, 0, 2 * pairs);
  const auto a_NHP = in.interleaved ? rotated.slice(2, 0, {}, 2) : rotated.narrow(2, 0, pairs);
  const auto b_NHP = in.interleaved ? rotated.slice(2, 1, {}, 2) : rotated.narrow(2, pairs, pairs);
  const auto unrotated = x_NHK.narrow(2, 2 * pairs, x_NHK.size(2) - 2 * pairs);
  return at::cat({a_NHP * cos_N1P - b_NHP * sin_N1P, b_NHP * cos_N1P + a_NHP * sin_N1P, unrotated},
                 2);
}

}  // namespace hylo::kernels::reference
