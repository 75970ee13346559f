#include "kernels/ops/swiglu.h"

#include <ATen/ops/empty_like.h>

#include "harness/base/error.h"
#include "kernels/cpu/rows.h"
#include "kernels/ops/gradient.h"
#include "kernels/ops/shape.h"
#include "kernels/torch/row_ops.h"

namespace hylo::kernels {

at::Tensor swiglu(const SwiGluIn& in) {
  require(in.gate_NF.sizes() == in.up_NF.sizes() &&
              in.gate_NF.scalar_type() == in.up_NF.scalar_type() && in.gate_NF.is_contiguous() &&
              in.up_NF.is_contiguous(),
          "swiglu: gate {} {} and up {} {} must be contiguous and alike", type_text(in.gate_NF),
          shape_text(in.gate_NF), type_text(in.up_NF), shape_text(in.up_NF));
  if (wants_gradient({in.gate_NF, in.up_NF})) return torch_form::swiglu(in);
  auto out_NF = at::empty_like(in.gate_NF);
  cpu::swiglu(in, out_NF);
  return out_NF;
}

}  // namespace hylo::kernels
