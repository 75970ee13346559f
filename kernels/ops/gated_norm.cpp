#include "kernels/ops/gated_norm.h"

#include <ATen/ops/empty.h>

#include "harness/base/error.h"
#include "kernels/cpu/gated_norm.h"
#include "kernels/ops/gradient.h"
#include "kernels/ops/recurrent.h"
#include "kernels/ops/shape.h"
#include "kernels/torch/gated_norm.h"

namespace hylo::kernels {
namespace {

void check(const GatedNormIn& in) {
  require(in.x_ND.dim() == 2 && in.x_ND.sizes() == in.gate_ND.sizes() && in.group > 0 &&
              in.x_ND.size(1) % in.group == 0 &&
              (in.weight.numel() == in.group || in.weight.numel() == in.x_ND.size(1)),
          "gated_norm: x {}, gate {} and weight {} must agree for groups of {}",
          shape_text(in.x_ND), shape_text(in.gate_ND), shape_text(in.weight), in.group);
  require(in.x_ND.scalar_type() == in.gate_ND.scalar_type() &&
              in.x_ND.scalar_type() == in.weight.scalar_type(),
          "gated_norm: x ({}), gate ({}) and weight ({}) must be of one type", type_text(in.x_ND),
          type_text(in.gate_ND), type_text(in.weight));
}

}  // namespace

at::Tensor gated_norm(const GatedNormIn& in) {
  check(in);
  if (wants_gradient({in.x_ND, in.gate_ND, in.weight})) return torch_form::gated_norm(in);
  auto out_ND = at::empty(in.x_ND.sizes(), in.x_ND.options());
  auto rows = in;
  rows.x_ND = with_contiguous_channels(in.x_ND);
  rows.gate_ND = with_contiguous_channels(in.gate_ND);
  rows.weight = in.weight.contiguous();
  cpu::gated_norm(rows, out_ND);
  return out_ND;
}

at::Tensor l2_norm(const L2NormIn& in) {
  if (wants_gradient({in.x})) return torch_form::l2_norm(in);
  const auto x = in.x.contiguous();
  auto out = at::empty(x.sizes(), x.options());
  auto out_MK = out.view({-1, x.size(-1)});
  cpu::l2_norm(x.view({-1, x.size(-1)}), in.epsilon, out_MK);
  return out;
}

}  // namespace hylo::kernels
