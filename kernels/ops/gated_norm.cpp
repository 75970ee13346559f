#include "kernels/ops/gated_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/sum.h>

#include "harness/base/error.h"
#include "kernels/ops/shape.h"

namespace hylo::kernels {
namespace {

at::ScalarType wide_type(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

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
  const auto type = in.x_ND.scalar_type(), wide = wide_type(in.x_ND);
  const int64_t groups = in.x_ND.size(1) / in.group;
  const auto raw_gate = in.gate_ND.to(wide);
  const auto gate =
      in.activation == GateActivation::Silu ? at::silu(raw_gate) : at::sigmoid(raw_gate);
  auto x = in.x_ND.to(wide);
  if (in.order == GateOrder::GateThenNorm) x = x * gate;
  const auto x_NGC = x.reshape({-1, groups, in.group});
  const auto scale = at::rsqrt((x_NGC * x_NGC).mean(-1, true) + in.epsilon);
  const auto weight =
      in.weight.numel() == in.group ? in.weight : in.weight.view({groups, in.group});
  const auto normed = ((x_NGC * scale).to(type) * weight).reshape(in.x_ND.sizes());
  if (in.order == GateOrder::GateThenNorm) return normed;
  return (normed.to(wide) * gate).to(type);
}

at::Tensor l2_norm(const L2NormIn& in) {
  const auto x = in.x.to(wide_type(in.x));
  return (x * at::rsqrt((x * x).sum(-1, true) + in.epsilon)).to(in.x.scalar_type());
}

}  // namespace hylo::kernels
