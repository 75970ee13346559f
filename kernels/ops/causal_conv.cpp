#include "kernels/ops/causal_conv.h"

#include <ATen/ops/zeros.h>

#include "harness/base/error.h"
#include "kernels/cpu/short_conv.h"
#include "kernels/ops/conv_tails.h"
#include "kernels/ops/gradient.h"
#include "kernels/ops/recurrent.h"
#include "kernels/ops/shape.h"
#include "kernels/torch/causal_conv.h"

namespace hylo::kernels {
namespace {

at::Tensor tails_of(const char* op, const at::Tensor& x_ND, const at::Tensor& tail_BCD, Slots slots,
                    int64_t num_sequences, int64_t taps) {
  const auto channels = x_ND.size(1);
  if (!slots.empty()) {
    require(tail_BCD.defined() && tail_BCD.dim() == 3, "{}: slots are given, and no pool of tails",
            op);
    check_slots(op, slots, num_sequences, tail_BCD.size(0));
    num_sequences = tail_BCD.size(0);
  }
  if (!tail_BCD.defined()) return at::zeros({num_sequences, taps - 1, channels}, x_ND.options());
  require(tail_BCD.sizes() == at::IntArrayRef({num_sequences, taps - 1, channels}) &&
              tail_BCD.scalar_type() == x_ND.scalar_type(),
          "{}: tail {} {} for {} sequences, {} taps and x {} {}", op, type_text(tail_BCD),
          shape_text(tail_BCD), num_sequences, taps, type_text(x_ND), shape_text(x_ND));
  return tail_BCD;
}

/// What cpu::short_conv gives for the inputs of either op.
CausalConvOut convolve(cpu::ShortConvIn in) {
  auto out_ND = at::zeros(in.x_ND.sizes(), in.x_ND.options());
  in.x_ND = with_contiguous_channels(in.x_ND);
  if (in.tail_BCD.stride(2) != 1) {
    require(in.slots.empty(),
            "causal_conv: a pool of tails {} whose channels lie apart cannot be "
            "stepped in place",
            shape_text(in.tail_BCD));
    in.tail_BCD = in.tail_BCD.contiguous();
  }
  cpu::short_conv(in, out_ND);
  if (in.slots.empty()) return {out_ND, next_tails(in.x_ND, in.tail_BCD, in.sequences)};
  move_tails_on(in.x_ND, in.tail_BCD, in.slots, in.sequences);
  return {out_ND, in.tail_BCD};
}

}  // namespace

CausalConvOut causal_conv(const CausalConvIn& in) {
  require(
      in.x_ND.dim() == 2 && in.weight_DC.dim() == 2 && in.x_ND.size(1) == in.weight_DC.size(0) &&
          in.weight_DC.size(1) >= 1 && in.x_ND.scalar_type() == in.weight_DC.scalar_type(),
      "causal_conv: x {} {} and weight {} {} must agree in channels and type", type_text(in.x_ND),
      shape_text(in.x_ND), type_text(in.weight_DC), shape_text(in.weight_DC));
  require(!in.bias_D.defined() || (in.bias_D.numel() == in.x_ND.size(1) &&
                                   in.bias_D.scalar_type() == in.x_ND.scalar_type()),
          "causal_conv: x {} {} and bias {} {} must agree in channels and type", type_text(in.x_ND),
          shape_text(in.x_ND), type_text(in.bias_D), shape_text(in.bias_D));
  check_sequences("causal_conv", in.sequences, in.x_ND.size(0));
  auto checked = in;
  checked.tail_BCD = tails_of("causal_conv", in.x_ND, in.tail_BCD, in.slots,
                              std::ssize(in.sequences), in.weight_DC.size(1));
  if (wants_gradient({in.x_ND, in.weight_DC, in.bias_D, in.tail_BCD})) {
    require(in.slots.empty(), "causal_conv: tails in a pool have no gradient");
    return torch_form::causal_conv(checked);
  }
  return convolve({.x_ND = in.x_ND,
                   .weight_DC = in.weight_DC.contiguous(),
                   .bias_D = in.bias_D.defined() ? in.bias_D.contiguous() : in.bias_D,
                   .tail_BCD = checked.tail_BCD,
                   .slots = in.slots,
                   .sequences = in.sequences,
                   .activation = in.activation});
}

CausalConvOut dynamic_conv(const DynamicConvIn& in) {
  require(in.x_ND.dim() == 2 && in.weight_NDC.dim() == 3 &&
              in.weight_NDC.sizes().slice(0, 2) == in.x_ND.sizes() && in.weight_NDC.size(2) >= 1 &&
              in.x_ND.scalar_type() == in.weight_NDC.scalar_type(),
          "dynamic_conv: x {} {} and weight {} {} must agree in rows, channels and type",
          type_text(in.x_ND), shape_text(in.x_ND), type_text(in.weight_NDC),
          shape_text(in.weight_NDC));
  check_sequences("dynamic_conv", in.sequences, in.x_ND.size(0));
  auto checked = in;
  checked.tail_BCD = tails_of("dynamic_conv", in.x_ND, in.tail_BCD, in.slots,
                              std::ssize(in.sequences), in.weight_NDC.size(2));
  if (wants_gradient({in.x_ND, in.weight_NDC, in.tail_BCD})) {
    require(in.slots.empty(), "dynamic_conv: tails in a pool have no gradient");
    return torch_form::dynamic_conv(checked);
  }
  return convolve({.x_ND = in.x_ND,
                   .weight_NDC = in.weight_NDC.contiguous(),
                   .tail_BCD = checked.tail_BCD,
                   .slots = in.slots,
                   .sequences = in.sequences,
                   .activation = in.activation});
}

}  // namespace hylo::kernels
