#include "kernels/ops/causal_conv.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include "harness/base/error.h"
#include "kernels/cpu/short_conv.h"
#include "kernels/ops/gradient.h"
#include "kernels/ops/recurrent.h"
#include "kernels/ops/shape.h"
#include "kernels/torch/causal_conv.h"

namespace hylo::kernels {
namespace {

at::Tensor tails_of(const char* op, const at::Tensor& x_ND, const at::Tensor& tail_BCD,
                    int64_t num_sequences, int64_t taps) {
  const auto channels = x_ND.size(1);
  if (!tail_BCD.defined()) return at::zeros({num_sequences, taps - 1, channels}, x_ND.options());
  require(tail_BCD.sizes() == at::IntArrayRef({num_sequences, taps - 1, channels}) &&
              tail_BCD.scalar_type() == x_ND.scalar_type(),
          "{}: tail {} {} for {} sequences, {} taps and x {} {}", op, type_text(tail_BCD),
          shape_text(tail_BCD), num_sequences, taps, type_text(x_ND), shape_text(x_ND));
  return tail_BCD;
}

/// The last inputs of each sequence, of which old ones may be in the tail.
at::Tensor next_tails(const at::Tensor& x_ND, const at::Tensor& tail_BCD,
                      std::span<const RowRange> sequences) {
  auto next_BCD = at::empty(tail_BCD.sizes(), tail_BCD.options());
  const int64_t kept = tail_BCD.size(1);
  for (int64_t b = 0; b < std::ssize(sequences); ++b) {
    const auto& rows = sequences[b];
    const int64_t fresh = std::min(rows.num_rows, kept), old = kept - fresh;
    auto next_CD = next_BCD.select(0, b);
    if (old > 0) next_CD.narrow(0, 0, old).copy_(tail_BCD.select(0, b).narrow(0, fresh, old));
    if (fresh == 0) continue;
    next_CD.narrow(0, old, fresh)
        .copy_(x_ND.narrow(0, rows.first_row + rows.num_rows - fresh, fresh));
  }
  return next_BCD;
}

at::Tensor with_rows_apart(const at::Tensor& x_ND) {
  return x_ND.stride(1) == 1 ? x_ND : x_ND.contiguous();
}

}  // namespace

CausalConvOut causal_conv(const CausalConvIn& in) {
  require(
      in.x_ND.dim() == 2 && in.weight_DC.dim() == 2 && in.x_ND.size(1) == in.weight_DC.size(0) &&
          in.weight_DC.size(1) >= 1 && in.x_ND.scalar_type() == in.weight_DC.scalar_type(),
      "causal_conv: x {} {} and weight {} {} must agree in channels and type", type_text(in.x_ND),
      shape_text(in.x_ND), type_text(in.weight_DC), shape_text(in.weight_DC));
  require(!in.bias_D.defined() || in.bias_D.numel() == in.x_ND.size(1),
          "causal_conv: x {} and bias {} must agree in channels", shape_text(in.x_ND),
          shape_text(in.bias_D));
  check_sequences("causal_conv", in.sequences, in.x_ND.size(0));
  auto checked = in;
  checked.tail_BCD =
      tails_of("causal_conv", in.x_ND, in.tail_BCD, std::ssize(in.sequences), in.weight_DC.size(1));
  if (wants_gradient({in.x_ND, in.weight_DC, in.bias_D, in.tail_BCD})) {
    return torch::causal_conv(checked);
  }
  const auto wide = computing_type(in.x_ND.scalar_type());
  auto out_ND = at::zeros(in.x_ND.sizes(), in.x_ND.options());
  cpu::short_conv({.x_ND = with_rows_apart(in.x_ND),
                   .weight_CD = in.weight_DC.t().to(wide).contiguous(),
                   .bias_D = in.bias_D.defined() ? in.bias_D.to(wide).contiguous() : in.bias_D,
                   .tail_BCD = checked.tail_BCD.contiguous(),
                   .sequences = in.sequences,
                   .activation = in.activation},
                  out_ND);
  return {out_ND, next_tails(in.x_ND, checked.tail_BCD, in.sequences)};
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
  checked.tail_BCD = tails_of("dynamic_conv", in.x_ND, in.tail_BCD, std::ssize(in.sequences),
                              in.weight_NDC.size(2));
  if (wants_gradient({in.x_ND, in.weight_NDC, in.tail_BCD})) return torch::dynamic_conv(checked);
  auto out_ND = at::zeros(in.x_ND.sizes(), in.x_ND.options());
  cpu::short_conv({.x_ND = with_rows_apart(in.x_ND),
                   .weight_NDC = in.weight_NDC.contiguous(),
                   .tail_BCD = checked.tail_BCD.contiguous(),
                   .sequences = in.sequences,
                   .activation = in.activation},
                  out_ND);
  return {out_ND, next_tails(in.x_ND, checked.tail_BCD, in.sequences)};
}

}  // namespace hylo::kernels
