#include "kernels/torch/causal_conv.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <optional>

#include "kernels/cpu/short_conv.h"
#include "kernels/ops/conv_tails.h"
#include "kernels/ops/recurrent.h"
#include "kernels/torch/saved_rows.h"
#include "kernels/torch/second_gradients.h"

namespace hylo::kernels::torch_form {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Of the shape of x: zeros, unless all of it will be written.
at::Tensor room_for_rows(const cpu::ShortConvIn& in) {
  return every_row_is_somebodys(in.sequences, in.x_ND.size(0))
             ? at::empty(in.x_ND.sizes(), in.x_ND.options())
             : at::zeros(in.x_ND.sizes(), in.x_ND.options());
}

/// `weight` is [D, C], or [N, D, C] with taps of every row.
cpu::ShortConvIn kernel_input(const variable_list& tensors, std::span<const RowRange> sequences,
                              int64_t activation) {
  const auto weight = tensors[1].contiguous();
  const bool is_shared = weight.dim() == 2;
  return {.x_ND = with_contiguous_channels(tensors[0]),
          .weight_DC = is_shared ? weight : at::Tensor(),
          .weight_NDC = is_shared ? at::Tensor() : weight,
          .bias_D = tensors[2].defined() ? tensors[2].contiguous() : tensors[2],
          .tail_BCD = tensors[3].contiguous(),
          .slots = {},
          .sequences = sequences,
          .activation = static_cast<ConvActivation>(activation)};
}

cpu::ShortConvGradients room_for_gradients(const cpu::ShortConvIn& in) {
  const auto wide = in.x_ND.options().dtype(computing_type(in.x_ND.scalar_type()));
  const bool is_shared = in.weight_DC.defined();
  return {.x_ND = room_for_rows(in),
          .tail_BCD = at::zeros(in.tail_BCD.sizes(), in.x_ND.options()),
          .weight = is_shared ? at::empty(in.weight_DC.sizes(), wide)
                              : at::zeros(in.weight_NDC.sizes(), in.x_ND.options()),
          .bias_D = in.bias_D.defined() ? at::empty(in.bias_D.sizes(), wide) : at::Tensor()};
}

/// The new tail of a sequence is its last inputs, of which old ones may be in the old tail.
void flow_through_tails(const at::Tensor& d_tail_BCD, std::span<const RowRange> sequences,
                        cpu::ShortConvGradients& gradients) {
  const int64_t kept = d_tail_BCD.size(1);
  for (int64_t b = 0; b < std::ssize(sequences); ++b) {
    const auto& rows = sequences[b];
    const int64_t fresh = std::min(rows.num_rows, kept), old = kept - fresh;
    const auto wanted_CD = d_tail_BCD.select(0, b);
    if (old > 0) {
      gradients.tail_BCD.select(0, b).narrow(0, fresh, old).add_(wanted_CD.narrow(0, 0, old));
    }
    if (fresh == 0) continue;
    gradients.x_ND.narrow(0, rows.first_row + rows.num_rows - fresh, fresh)
        .add_(wanted_CD.narrow(0, old, fresh));
  }
}

struct Differentiable : torch::autograd::Function<Differentiable> {
  static variable_list forward(AutogradContext* context, const at::Tensor& x_ND,
                               const at::Tensor& weight, const std::optional<at::Tensor>& bias_D,
                               const at::Tensor& tail_BCD, const std::vector<int64_t>& rows,
                               int64_t activation) {
    const auto sequences = sequences_of(rows);
    const variable_list inputs{x_ND, weight, bias_D.value_or(at::Tensor()), tail_BCD};
    const auto in = kernel_input(inputs, sequences, activation);
    auto out_ND = room_for_rows(in);
    cpu::short_conv(in, out_ND);
    context->save_for_backward(inputs);
    context->saved_data["rows"] = rows;
    context->saved_data["activation"] = activation;
    context->set_materialize_grads(false);
    return {out_ND, next_tails(in.x_ND, in.tail_BCD, sequences)};
  }

  static variable_list backward(AutogradContext* context, const variable_list& wanted) {
    refuse_second_gradients("causal_conv");
    const auto saved = context->get_saved_variables();
    const auto sequences = sequences_of(context->saved_data["rows"].toIntVector());
    const auto in = kernel_input(saved, sequences, context->saved_data["activation"].toInt());
    const auto d_out_ND = wanted[0].defined() ? with_contiguous_channels(wanted[0])
                                              : at::zeros(in.x_ND.sizes(), in.x_ND.options());
    auto gradients = room_for_gradients(in);
    cpu::short_conv_backward(in, d_out_ND, gradients);
    if (wanted[1].defined()) flow_through_tails(wanted[1], sequences, gradients);
    const auto as_stored = [](const at::Tensor& gradient, const at::Tensor& like) {
      return gradient.defined() ? gradient.to(like.scalar_type()) : gradient;
    };
    return {gradients.x_ND,
            as_stored(gradients.weight, saved[1]),
            as_stored(gradients.bias_D, saved[2]),
            gradients.tail_BCD,
            {},
            {}};
  }
};

CausalConvOut differentiable(const at::Tensor& x_ND, const at::Tensor& weight,
                             const at::Tensor& bias_D, const at::Tensor& tail_BCD,
                             std::span<const RowRange> sequences, ConvActivation activation) {
  const auto bias = bias_D.defined() ? std::optional(bias_D) : std::nullopt;
  const auto out = Differentiable::apply(x_ND, weight, bias, tail_BCD, numbers_of(sequences),
                                         static_cast<int64_t>(activation));
  return {out[0], out[1]};
}

}  // namespace

CausalConvOut causal_conv(const CausalConvIn& in) {
  return differentiable(in.x_ND, in.weight_DC, in.bias_D, in.tail_BCD, in.sequences, in.activation);
}

CausalConvOut dynamic_conv(const DynamicConvIn& in) {
  return differentiable(in.x_ND, in.weight_NDC, {}, in.tail_BCD, in.sequences, in.activation);
}

}  // namespace hylo::kernels::torch_form
