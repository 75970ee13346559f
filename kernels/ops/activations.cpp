#include "kernels/ops/activations.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softplus.h>

#include "harness/base/error.h"
#include "kernels/cpu/activations.h"
#include "kernels/ops/gradient.h"
#include "kernels/ops/recurrent.h"
#include "kernels/ops/shape.h"

namespace hylo::kernels {
namespace {

at::Tensor activated(cpu::Activation activation, const at::Tensor& x) {
  auto out = at::empty(x.sizes(), x.options());
  cpu::activate(activation, x.contiguous(), out);
  return out;
}

void check_rows(const char* op, const at::Tensor& raw_ND, const at::Tensor& bias_D) {
  require(raw_ND.dim() == 2 && (!bias_D.defined() || bias_D.numel() == raw_ND.size(1)),
          "{}: raw {} must be [rows, channels] and bias {} have its channels", op,
          shape_text(raw_ND), shape_text(bias_D));
}

at::Tensor steps(const StepSizesIn& in, const at::Tensor& rate_D) {
  const auto wide = computing_type(in.raw_ND.scalar_type());
  auto out_ND = at::empty(in.raw_ND.sizes(), in.raw_ND.options().dtype(wide));
  cpu::steps({.raw_ND = with_contiguous_channels(in.raw_ND),
              .bias_D = in.bias_D.defined() ? in.bias_D.to(wide).contiguous() : in.bias_D,
              .rate_D = rate_D,
              .min = in.min,
              .max = in.max},
             out_ND);
  return out_ND;
}

/// The same of LibTorch's ops, whose gradients are known.
at::Tensor differentiable_steps(const StepSizesIn& in) {
  const auto wide = computing_type(in.raw_ND.scalar_type());
  auto raw_ND = in.raw_ND.to(wide);
  if (in.bias_D.defined()) raw_ND = raw_ND + in.bias_D.view({-1}).to(wide);
  return at::clamp(at::softplus(raw_ND), in.min, in.max);
}

}  // namespace

at::Tensor sigmoid(const at::Tensor& x) {
  return wants_gradient({x}) ? at::sigmoid(x) : activated(cpu::Activation::Sigmoid, x);
}

at::Tensor silu(const at::Tensor& x) {
  return wants_gradient({x}) ? at::silu(x) : activated(cpu::Activation::Silu, x);
}

at::Tensor softplus(const at::Tensor& x) {
  return wants_gradient({x}) ? at::softplus(x) : activated(cpu::Activation::Softplus, x);
}

at::Tensor sigmoid_gate(const SigmoidGateIn& in) {
  const auto &x = in.x_ND, &gate = in.gate_ND;
  require(x.dim() == 2 && gate.dim() == 2 && x.size(0) == gate.size(0) &&
              (gate.size(1) == 1 || gate.size(1) == x.size(1)),
          "sigmoid_gate: gate {} must have the rows of x {}, and its channels or one",
          shape_text(gate), shape_text(x));
  require(x.scalar_type() == gate.scalar_type(), "sigmoid_gate: x is {}, gate is {}", type_text(x),
          type_text(gate));
  if (wants_gradient({x, gate})) return x * at::sigmoid(gate);
  auto out_ND = at::empty(x.sizes(), x.options());
  cpu::sigmoid_gate({with_contiguous_channels(x), with_contiguous_channels(gate)}, out_ND);
  return out_ND;
}

at::Tensor step_sizes(const StepSizesIn& in) {
  check_rows("step_sizes", in.raw_ND, in.bias_D);
  return wants_gradient({in.raw_ND, in.bias_D}) ? differentiable_steps(in) : steps(in, {});
}

at::Tensor log_decay(const LogDecayIn& in) {
  check_rows("log_decay", in.raw_ND, in.bias_D);
  const int64_t channels = in.raw_ND.size(1);
  const int64_t heads = in.a_log_H.defined() ? in.a_log_H.numel() : 1;
  require(heads > 0 && channels % heads == 0,
          "log_decay: the heads of a_log {} must divide the channels of raw {}",
          shape_text(in.a_log_H), shape_text(in.raw_ND));
  const StepSizesIn step{.raw_ND = in.raw_ND, .bias_D = in.bias_D};
  const auto wide = computing_type(in.raw_ND.scalar_type());
  const auto rate_D =
      in.a_log_H.defined()
          ? (-at::exp(in.a_log_H.view({-1}).to(wide))).repeat_interleave(channels / heads)
          : -at::ones({channels}, in.raw_ND.options().dtype(wide));
  if (!wants_gradient({in.raw_ND, in.bias_D, in.a_log_H})) return steps(step, rate_D);
  return differentiable_steps(step) * rate_D;
}

}  // namespace hylo::kernels
