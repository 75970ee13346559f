#include "kernels/ops/rms_norm.h"

#include <ATen/ops/empty_like.h>

#include "harness/base/error.h"
#include "kernels/cpu/rows.h"
#include "kernels/ops/gradient.h"
#include "kernels/ops/shape.h"
#include "kernels/torch/row_ops.h"

namespace hylo::kernels {

at::Tensor rms_norm(const RmsNormIn& in) {
  require(in.x.dim() >= 1 && in.weight_D.dim() == 1 && in.x.size(-1) == in.weight_D.size(0),
          "rms_norm: x {} must end in the width of the weight {}", shape_text(in.x),
          shape_text(in.weight_D));
  require(in.x.scalar_type() == in.weight_D.scalar_type() && in.x.is_contiguous() &&
              in.weight_D.is_contiguous(),
          "rms_norm: x ({}) and weight ({}) must be contiguous and of one type", type_text(in.x),
          type_text(in.weight_D));
  if (wants_gradient({in.x, in.weight_D})) return torch_form::rms_norm(in);
  auto out = at::empty_like(in.x);
  cpu::rms_norm(in, out);
  return out;
}

}  // namespace hylo::kernels
