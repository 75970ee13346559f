#include "kernels/torch/gated_norm.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/cpu/gated_norm.h"
#include "kernels/cpu/row_gradients.h"
#include "kernels/ops/recurrent.h"
#include "kernels/torch/second_gradients.h"

namespace hylo::kernels::torch_form {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// What is no tensor, as a context can keep it.
std::vector<int64_t> kinds_of(const GatedNormIn& in) {
  return {in.group, static_cast<int64_t>(in.order), static_cast<int64_t>(in.activation)};
}

GatedNormIn kernel_input(const variable_list& tensors, const std::vector<int64_t>& kinds,
                         double epsilon) {
  return {.x_ND = with_contiguous_channels(tensors[0]),
          .gate_ND = with_contiguous_channels(tensors[1]),
          .weight = tensors[2].contiguous(),
          .group = kinds[0],
          .epsilon = epsilon,
          .order = static_cast<GateOrder>(kinds[1]),
          .activation = static_cast<GateActivation>(kinds[2])};
}

struct DifferentiableGatedNorm : torch::autograd::Function<DifferentiableGatedNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_ND,
                            const at::Tensor& gate_ND, const at::Tensor& weight,
                            const std::vector<int64_t>& kinds, double epsilon) {
    const variable_list inputs{x_ND, gate_ND, weight};
    context->save_for_backward(inputs);
    context->saved_data["kinds"] = kinds;
    context->saved_data["epsilon"] = epsilon;
    auto out_ND = at::empty(x_ND.sizes(), x_ND.options());
    cpu::gated_norm(kernel_input(inputs, kinds, epsilon), out_ND);
    return out_ND;
  }
  static variable_list backward(AutogradContext* context, const variable_list& wanted) {
    refuse_second_gradients("gated_norm");
    const auto in =
        kernel_input(context->get_saved_variables(), context->saved_data["kinds"].toIntVector(),
                     context->saved_data["epsilon"].toDouble());
    const int64_t rows = in.x_ND.size(0), block = cpu::norm_block_rows;
    const auto options = in.x_ND.options();
    cpu::GatedNormGradients gradients{
        .x_ND = at::empty(in.x_ND.sizes(), options),
        .gate_ND = at::empty(in.x_ND.sizes(), options),
        .weight_BD = at::empty({(rows + block - 1) / block, in.weight.numel()},
                               options.dtype(computing_type(in.x_ND.scalar_type())))};
    cpu::gated_norm_backward(in, with_contiguous_channels(wanted[0]), gradients);
    const auto d_weight = gradients.weight_BD.sum(0).to(in.weight.scalar_type());
    return {gradients.x_ND, gradients.gate_ND, d_weight.view(in.weight.sizes()), {}, {}};
  }
};

struct DifferentiableL2Norm : torch::autograd::Function<DifferentiableL2Norm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_MK, double epsilon) {
    context->save_for_backward({x_MK});
    context->saved_data["epsilon"] = epsilon;
    auto out_MK = at::empty_like(x_MK);
    cpu::l2_norm(x_MK, epsilon, out_MK);
    return out_MK;
  }
  static variable_list backward(AutogradContext* context, const variable_list& wanted) {
    refuse_second_gradients("l2_norm");
    const auto x_MK = context->get_saved_variables()[0];
    auto d_x_MK = at::empty_like(x_MK);
    cpu::l2_norm_backward({x_MK, wanted[0].contiguous(), context->saved_data["epsilon"].toDouble()},
                          d_x_MK);
    return {d_x_MK, {}};
  }
};

}  // namespace

at::Tensor gated_norm(const GatedNormIn& in) {
  return DifferentiableGatedNorm::apply(in.x_ND, in.gate_ND, in.weight, kinds_of(in), in.epsilon);
}

at::Tensor l2_norm(const L2NormIn& in) {
  const auto x = in.x.contiguous();
  return DifferentiableL2Norm::apply(x.view({-1, x.size(-1)}), in.epsilon).view(x.sizes());
}

}  // namespace hylo::kernels::torch_form
