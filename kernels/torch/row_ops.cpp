#include "kernels/torch/row_ops.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/cpu/row_gradients.h"
#include "kernels/cpu/rows.h"
#include "kernels/ops/recurrent.h"
#include "kernels/torch/second_gradients.h"

namespace hylo::kernels::torch_form {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct DifferentiableNorm : torch::autograd::Function<DifferentiableNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight_D, double epsilon, bool zero_centred,
                            bool rounded_once) {
    context->save_for_backward({x, weight_D});
    context->saved_data["epsilon"] = epsilon;
    context->saved_data["zero_centred"] = zero_centred;
    auto out = at::empty_like(x);
    cpu::rms_norm({x, weight_D, epsilon, zero_centred, rounded_once}, out);
    return out;
  }
  static variable_list backward(AutogradContext* context, const variable_list& wanted) {
    refuse_second_gradients("rms_norm");
    const auto saved = context->get_saved_variables();
    const RmsNormIn in{saved[0], saved[1], context->saved_data["epsilon"].toDouble(),
                       context->saved_data["zero_centred"].toBool()};
    const int64_t width = in.weight_D.numel(), rows = in.x.numel() / width;
    const int64_t blocks = (rows + cpu::norm_block_rows - 1) / cpu::norm_block_rows;
    const auto wide = in.x.options().dtype(computing_type(in.x.scalar_type()));
    cpu::RmsNormGradients gradients{at::empty_like(in.x), at::empty({blocks, width}, wide)};
    cpu::rms_norm_backward(in, wanted[0].contiguous(), gradients);
    return {gradients.x, gradients.weight_BD.sum(0).to(in.weight_D.scalar_type()), {}, {}, {}};
  }
};

at::Tensor rotated(const RotaryIn& in) {
  auto out_NHK = at::empty_like(in.x_NHK);
  cpu::rotary(in, out_NHK);
  return out_NHK;
}

/// [first of every pair, second of every pair, rest] as [first, second of a pair, ..., rest].
at::Tensor interleaved(const at::Tensor& x_NHK, int64_t pairs) {
  const int64_t rows = x_NHK.size(0), heads = x_NHK.size(1), width = x_NHK.size(2);
  const auto mixed = x_NHK.narrow(2, 0, 2 * pairs)
                         .reshape({rows, heads, 2, pairs})
                         .transpose(2, 3)
                         .reshape({rows, heads, 2 * pairs});
  return at::cat({mixed, x_NHK.narrow(2, 2 * pairs, width - 2 * pairs)}, 2);
}

struct DifferentiableRotary : torch::autograd::Function<DifferentiableRotary> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_NHK,
                            const at::Tensor& cos_NP, const at::Tensor& sin_NP,
                            bool is_interleaved) {
    context->save_for_backward({cos_NP, sin_NP});
    context->saved_data["interleaved"] = is_interleaved;
    return rotated({x_NHK, cos_NP, sin_NP, is_interleaved});
  }
  /// The transpose of a rotation is the rotation back.
  static variable_list backward(AutogradContext* context, const variable_list& wanted) {
    refuse_second_gradients("rotary");
    const auto saved = context->get_saved_variables();
    const auto back_NHK = rotated({wanted[0].contiguous(), saved[0], -saved[1]});
    const bool is_interleaved = context->saved_data["interleaved"].toBool();
    return {is_interleaved ? interleaved(back_NHK, saved[0].size(1)) : back_NHK, {}, {}, {}};
  }
};

struct DifferentiableSwiGlu : torch::autograd::Function<DifferentiableSwiGlu> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate_NF,
                            const at::Tensor& up_NF) {
    context->save_for_backward({gate_NF, up_NF});
    auto out_NF = at::empty_like(gate_NF);
    cpu::swiglu({gate_NF, up_NF}, out_NF);
    return out_NF;
  }
  static variable_list backward(AutogradContext* context, const variable_list& wanted) {
    refuse_second_gradients("swiglu");
    const auto saved = context->get_saved_variables();
    cpu::SwiGluGradients gradients{at::empty_like(saved[0]), at::empty_like(saved[1])};
    cpu::swiglu_backward({saved[0], saved[1]}, wanted[0].contiguous(), gradients);
    return {gradients.gate_NF, gradients.up_NF};
  }
};

}  // namespace

at::Tensor rms_norm(const RmsNormIn& in) {
  return DifferentiableNorm::apply(in.x, in.weight_D, in.epsilon, in.zero_centred, in.rounded_once);
}
at::Tensor rotary(const RotaryIn& in) {
  return DifferentiableRotary::apply(in.x_NHK, in.cos_NP, in.sin_NP, in.interleaved);
}
at::Tensor swiglu(const SwiGluIn& in) { return DifferentiableSwiGlu::apply(in.gate_NF, in.up_NF); }

}  // namespace hylo::kernels::torch_form
