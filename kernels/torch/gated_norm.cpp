#include "kernels/torch/gated_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/sum.h>

#include "kernels/ops/recurrent.h"

namespace hylo::kernels::torch_form {

at::Tensor gated_norm(const GatedNormIn& in) {
  const auto type = in.x_ND.scalar_type(), wide = computing_type(in.x_ND.scalar_type());
  const int64_t groups = in.x_ND.size(1) / in.group;
  const auto raw_gate = in.gate_ND.to(wide);
  const auto gate =
      in.activation == GateActivation::Silu ? at::silu(raw_gate) : at::sigmoid(raw_gate);
  auto x = in.x_ND.to(wide);
  if (in.order == GateOrder::GateThenNorm) x = x * gate;
  const auto x_NGC = x.reshape({-1, groups, in.group});
  const auto scale = at::rsqrt((x_NGC * x_NGC).mean(-1, true) + in.epsilon);
  const auto raw_weight =
      in.weight.numel() == in.group ? in.weight : in.weight.view({groups, in.group});
  const auto normed = (x_NGC * scale * raw_weight.to(wide)).reshape(in.x_ND.sizes());
  return (in.order == GateOrder::GateThenNorm ? normed : normed * gate).to(type);
}

at::Tensor l2_norm(const L2NormIn& in) {
  const auto x = in.x.to(computing_type(in.x.scalar_type()));
  return (x * at::rsqrt((x * x).sum(-1, true) + in.epsilon)).to(in.x.scalar_type());
}

}  // namespace hylo::kernels::torch_form
