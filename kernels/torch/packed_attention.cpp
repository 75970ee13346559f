#include "kernels/torch/packed_attention.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <optional>
#include <vector>

#include "kernels/cpu/packed_attention.h"
#include "kernels/ops/gradient.h"
#include "kernels/ops/recurrent.h"
#include "kernels/torch/saved_rows.h"
#include "kernels/torch/second_gradients.h"

namespace hylo::kernels::torch_form {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Forward {
  at::Tensor out_NHV, log_sums_HN;
};

Forward forward_of(const PackedAttentionIn& in) {
  const int64_t rows = in.q_NHK.size(0), heads = in.q_NHK.size(1);
  const auto options = in.q_NHK.options();
  Forward out{at::zeros({rows, heads, in.v_NGV.size(2)}, options),
              at::empty({heads, rows}, options.dtype(computing_type(in.q_NHK.scalar_type())))};
  cpu::packed_attention(in, out.out_NHV, out.log_sums_HN);
  return out;
}

struct DifferentiableAttention : torch::autograd::Function<DifferentiableAttention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q_NHK,
                            const at::Tensor& k_NGK, const at::Tensor& v_NGV,
                            std::vector<int64_t> rows, double scale,
                            std::optional<int64_t> window) {
    const auto sequences = sequences_of(rows);
    const auto out = forward_of({q_NHK, k_NGK, v_NGV, sequences, scale, window});
    context->save_for_backward({q_NHK, k_NGK, v_NGV, out.out_NHV, out.log_sums_HN});
    context->saved_data["rows"] = rows;
    context->saved_data["scale"] = scale;
    context->saved_data["window"] = window;
    return out.out_NHV;
  }

  static variable_list backward(AutogradContext* context, const variable_list& wanted) {
    refuse_second_gradients("packed_attention");
    const auto saved = context->get_saved_variables();
    const auto sequences = sequences_of(context->saved_data["rows"].toIntVector());
    const PackedAttentionIn in{saved[0],
                               saved[1],
                               saved[2],
                               sequences,
                               context->saved_data["scale"].toDouble(),
                               context->saved_data["window"].toOptional<int64_t>()};
    cpu::PackedAttentionGradients gradients{at::zeros(in.q_NHK.sizes(), in.q_NHK.options()),
                                            at::zeros(in.k_NGK.sizes(), in.k_NGK.options()),
                                            at::zeros(in.v_NGV.sizes(), in.v_NGV.options())};
    cpu::packed_attention_backward(in, {saved[3], saved[4], wanted[0].contiguous()}, gradients);
    return {gradients.q_NHK, gradients.k_NGK, gradients.v_NGV, {}, {}, {}};
  }
};

}  // namespace

at::Tensor packed_attention(const PackedAttentionIn& in) {
  if (!wants_gradient({in.q_NHK, in.k_NGK, in.v_NGV})) return forward_of(in).out_NHV;
  return DifferentiableAttention::apply(in.q_NHK, in.k_NGK, in.v_NGV, numbers_of(in.sequences),
                                        in.scale, in.window);
}

}  // namespace hylo::kernels::torch_form
