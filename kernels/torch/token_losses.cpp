#include "kernels/torch/token_losses.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <bit>
#include <numeric>

#include "harness/base/error.h"
#include "kernels/ops/gradient.h"
#include "kernels/ops/product.h"
#include "kernels/ops/recurrent.h"

namespace hylo::kernels::torch_form {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t max_logits = int64_t{1} << 25;

struct Wanted {
  bool hidden = false, weight = false;
};

/// The gradients are those of factor times the sum of the losses.
struct Walked {
  at::Tensor of_each_N, d_hidden_ND, d_weight_WD;
};

/// d_weight += d_logits^T hidden, in the type that sums.
void add_weight_gradient(at::Tensor& d_weight_WD, const at::Tensor& d_logits_QW,
                         const at::Tensor& hidden_QD) {
  if (d_weight_WD.scalar_type() == hidden_QD.scalar_type()) {
    add_product(d_weight_WD, d_logits_QW.t(), hidden_QD);
  } else {
    d_weight_WD.add_(product(d_logits_QW.t(), hidden_QD));
  }
}

Walked walk(const Projection& student, double factor, const LossOfRows& loss, Wanted wanted) {
  const auto &hidden = student.hidden_ND, &weight = student.weight_WD;
  const int64_t num_tokens = hidden.size(0);
  const auto wide = computing_type(hidden.scalar_type());
  Walked out{.of_each_N = at::empty({num_tokens}, hidden.options().dtype(at::kDouble)),
             .d_hidden_ND = {},
             .d_weight_WD = {}};
  if (wanted.hidden) out.d_hidden_ND = at::empty(hidden.sizes(), hidden.options());
  if (wanted.weight) out.d_weight_WD = at::zeros(weight.sizes(), weight.options().dtype(wide));
  const std::span losses(out.of_each_N.mutable_data_ptr<double>(), static_cast<size_t>(num_tokens));
  const int64_t chunk = tokens_of_a_chunk(weight.size(0));
  for (int64_t first = 0; first < num_tokens; first += chunk) {
    const int64_t n = std::min(chunk, num_tokens - first);
    const auto hidden_QD = hidden.narrow(0, first, n);
    auto logits_QW = product(hidden_QD, weight.t());
    if (student.scale != 1) logits_QW.mul_(student.scale);
    loss({.logits_QW = logits_QW,
          .losses = losses.subspan(first, n),
          .gradient_scale = factor * student.scale,
          .with_gradient = wanted.hidden || wanted.weight},
         first);
    if (wanted.hidden) {
      auto d_hidden_QD = out.d_hidden_ND.narrow(0, first, n);
      product_out(d_hidden_QD, logits_QW, weight);
    }
    if (wanted.weight) add_weight_gradient(out.d_weight_WD, logits_QW, hidden_QD);
  }
  return out;
}

/// One term after the other: LibTorch's sum of many depends in its last bit on the threads.
at::Tensor sum_of(const at::Tensor& of_each_N, double factor, at::ScalarType type) {
  const double* losses = of_each_N.const_data_ptr<double>();
  const double sum = std::accumulate(losses, losses + of_each_N.numel(), 0.0);
  return at::scalar_tensor(sum * factor, of_each_N.options().dtype(type));
}

struct DifferentiableLosses : torch::autograd::Function<DifferentiableLosses> {
  static variable_list forward(AutogradContext* context, const at::Tensor& hidden_ND,
                               const at::Tensor& weight_WD, double scale, double factor,
                               const LossOfRows* loss) {
    const Wanted wanted{hidden_ND.requires_grad(), weight_WD.requires_grad()};
    const auto out = walk({hidden_ND, weight_WD, scale}, factor, *loss, wanted);
    context->save_for_backward({out.d_hidden_ND, out.d_weight_WD});
    context->saved_data["type"] = static_cast<int64_t>(weight_WD.scalar_type());
    context->mark_non_differentiable({out.of_each_N});
    const auto wide = computing_type(hidden_ND.scalar_type());
    return {sum_of(out.of_each_N, factor, wide), out.of_each_N};
  }

  static variable_list backward(AutogradContext* context, const variable_list& wanted) {
    require(!at::GradMode::is_enabled(),
            "token losses: their gradient has no gradient; leave out create_graph");
    const auto saved = context->get_saved_variables();
    // A number that is looked at, so that the usual 1 costs no copy of the gradients.
    const double upstream = wanted[0].item<double>();
    const auto scaled = [&](const at::Tensor& gradient) {
      return !gradient.defined() || upstream == 1 ? gradient : gradient * upstream;
    };
    auto d_weight_WD = scaled(saved[1]);
    if (d_weight_WD.defined()) {
      d_weight_WD =
          d_weight_WD.to(static_cast<at::ScalarType>(context->saved_data["type"].toInt()));
    }
    return {scaled(saved[0]), d_weight_WD, {}, {}, {}};
  }
};

}  // namespace

int64_t tokens_of_a_chunk(int64_t vocabulary_size) {
  constexpr uint64_t most = 4096, least = 16;
  const auto fitting = static_cast<uint64_t>(std::max<int64_t>(1, max_logits / vocabulary_size));
  return static_cast<int64_t>(std::clamp(std::bit_floor(fitting), least, most));
}

TokenLosses token_losses(const Projection& student, double factor, const LossOfRows& loss) {
  const auto wide = computing_type(student.hidden_ND.scalar_type());
  if (!wants_gradient({student.hidden_ND, student.weight_WD})) {
    const auto out = walk(student, factor, loss, {});
    return {sum_of(out.of_each_N, factor, wide), out.of_each_N};
  }
  const auto out = DifferentiableLosses::apply(student.hidden_ND, student.weight_WD, student.scale,
                                               factor, &loss);
  return {out[0], out[1]};
}

}  // namespace hylo::kernels::torch_form
