#include "kernels/ops/rotary.h"

#include <ATen/ops/empty_like.h>

#include "harness/base/error.h"
#include "kernels/cpu/rows.h"
#include "kernels/ops/gradient.h"
#include "kernels/ops/shape.h"
#include "kernels/torch/row_ops.h"

namespace hylo::kernels {

at::Tensor rotary(const RotaryIn& in) {
  require(
      in.x_NHK.dim() == 3 && in.cos_NP.dim() == 2 && in.cos_NP.sizes() == in.sin_NP.sizes() &&
          in.cos_NP.size(0) == in.x_NHK.size(0) && 2 * in.cos_NP.size(1) <= in.x_NHK.size(2),
      "rotary: x {}, cos {} and sin {} must agree: one row each, at most half as many pairs as x "
      "is wide",
      shape_text(in.x_NHK), shape_text(in.cos_NP), shape_text(in.sin_NP));
  const auto table_type = in.x_NHK.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  require(in.cos_NP.scalar_type() == table_type && in.sin_NP.scalar_type() == table_type,
          "rotary: tables for x of {} must be {}, found {}", type_text(in.x_NHK),
          c10::toString(table_type), type_text(in.cos_NP));
  require(in.x_NHK.is_contiguous() && in.cos_NP.is_contiguous() && in.sin_NP.is_contiguous(),
          "rotary: x and its tables must be contiguous");
  if (wants_gradient({in.x_NHK})) return torch_form::rotary(in);
  auto out_NHK = at::empty_like(in.x_NHK);
  cpu::rotary(in, out_NHK);
  return out_NHK;
}

}  // namespace hylo::kernels
