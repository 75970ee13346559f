#include "kernels/torch/linear.h"

#include <ATen/TensorOperators.h>
#include <torch/csrc/autograd/custom_function.h>

#include <optional>

#include "kernels/ops/product.h"
#include "kernels/torch/second_gradients.h"

namespace hylo::kernels::torch_form {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct DifferentiableLinear : torch::autograd::Function<DifferentiableLinear> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_NI,
                            const at::Tensor& weight_OI, const std::optional<at::Tensor>& bias_O) {
    context->save_for_backward({x_NI, weight_OI});
    context->saved_data["has_bias"] = bias_O.has_value();
    auto out_NO = product(x_NI, weight_OI.t());
    return bias_O ? out_NO.add_(*bias_O) : out_NO;
  }

  static variable_list backward(AutogradContext* context, const variable_list& wanted) {
    refuse_second_gradients("linear");
    const auto saved = context->get_saved_variables();
    const auto d_out_NO = wanted[0].contiguous();
    variable_list gradients(3);
    if (context->needs_input_grad(0)) gradients[0] = product(d_out_NO, saved[1]);
    if (context->needs_input_grad(1)) gradients[1] = product(d_out_NO.t(), saved[0]);
    // An absent bias has no place among the inputs that may be asked for.
    const bool has_bias = context->saved_data["has_bias"].toBool();
    if (has_bias && context->needs_input_grad(2)) gradients[2] = d_out_NO.sum(0);
    return gradients;
  }
};

}  // namespace

at::Tensor linear(const LinearIn& in) {
  const auto bias = in.bias_O.defined() ? std::optional(in.bias_O) : std::nullopt;
  return DifferentiableLinear::apply(in.x_NI, in.weight_OI, bias);
}

}  // namespace hylo::kernels::torch_form
