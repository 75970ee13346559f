// Both passes walk over pieces of a sequence that stay in the nearer caches. In the backward pass
// what the activation was given is computed again, its gradient dz flows to the inputs, the taps
// and the bias,
//   dx_{t-C+1+c} += w_c dz_t;   dw_c += dz_t x_{t-C+1+c};   dbias += dz_t
// and never is more than a piece of anything new but the gradients themselves.
#include "kernels/torch/causal_conv.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <optional>

#include "harness/base/error.h"
#include "kernels/ops/recurrent.h"
#include "kernels/torch/saved_rows.h"

namespace hylo::kernels::torch_form {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// 256 rows of 1,024 channels in float32 are a megabyte.
constexpr int64_t rows_of_a_piece = 256;

/// Where gradients are summed, in the type that computes; undefined: nobody wants it.
struct ConvGradients {
  at::Tensor x_ND, weight, bias_D, tail_BCD;
};

/// One pass of either op. `weight` is [D, C], or [N, D, C] with taps of every row.
struct ConvWalk {
  at::Tensor x_ND, weight, bias_D, tail_BCD;
  at::Tensor d_out_ND;
  ConvActivation activation;
  ConvGradients gradients;

  [[nodiscard]] at::ScalarType wide() const { return computing_type(x_ND.scalar_type()); }
  [[nodiscard]] int64_t kept() const { return tail_BCD.size(1); }

  /// [D], or [rows, D].
  [[nodiscard]] at::Tensor tap(int64_t c, int64_t first_row, int64_t rows) const {
    if (weight.dim() == 2) return weight.select(1, c).to(wide());
    return weight.narrow(0, first_row, rows).select(2, c).to(wide());
  }

  /// Inputs of the rows [done, done + rows) of a sequence, and the C - 1 before them.
  [[nodiscard]] at::Tensor inputs(int64_t b, const RowRange& sequence, int64_t done,
                                  int64_t rows) const {
    const int64_t from_tail = std::max<int64_t>(0, kept() - done);
    const int64_t from_rows = kept() - from_tail;
    const auto x =
        x_ND.narrow(0, sequence.first_row + done - from_rows, from_rows + rows).to(wide());
    if (from_tail == 0) return x;
    return at::cat({tail_BCD.select(0, b).narrow(0, kept() - from_tail, from_tail).to(wide()), x});
  }

  [[nodiscard]] at::Tensor before_activation(const at::Tensor& x, int64_t first_row,
                                             int64_t rows) const {
    auto sum = x.narrow(0, 0, rows) * tap(0, first_row, rows);
    for (int64_t c = 1; c <= kept(); ++c) {
      sum.add_(x.narrow(0, c, rows) * tap(c, first_row, rows));
    }
    return bias_D.defined() ? sum.add_(bias_D.to(wide())) : sum;
  }

  /// Calls use(done, rows) for the pieces of a sequence.
  template <class Use>
  static void for_each_piece(const RowRange& sequence, Use&& use) {
    for (int64_t done = 0; done < sequence.num_rows; done += rows_of_a_piece) {
      use(done, std::min(rows_of_a_piece, sequence.num_rows - done));
    }
  }

  /// Outputs of the rows of a sequence, and its new tail: the last inputs, of which old ones may be
  /// in the tail.
  void walk_forward(int64_t b, const RowRange& sequence, const CausalConvOut& out) const {
    for_each_piece(sequence, [&](int64_t done, int64_t rows) {
      const int64_t first_row = sequence.first_row + done;
      auto sum = before_activation(inputs(b, sequence, done, rows), first_row, rows);
      if (activation == ConvActivation::Silu) sum = at::silu(sum);
      out.out_ND.narrow(0, first_row, rows).copy_(sum);
    });
    if (kept() > 0) out.tail_BCD.select(0, b).copy_(inputs(b, sequence, sequence.num_rows, 0));
  }

  /// What flows to an input of the sequence, at `position`; before 0 they are in its tail.
  void add_to_inputs(int64_t b, const RowRange& sequence, int64_t position, const at::Tensor& dx) {
    const int64_t rows = dx.size(0), in_tail = std::clamp<int64_t>(-position, 0, rows);
    if (in_tail > 0 && gradients.tail_BCD.defined()) {
      gradients.tail_BCD.select(0, b)
          .narrow(0, kept() + position, in_tail)
          .add_(dx.narrow(0, 0, in_tail));
    }
    if (in_tail == rows || !gradients.x_ND.defined()) return;
    gradients.x_ND.narrow(0, sequence.first_row + position + in_tail, rows - in_tail)
        .add_(dx.narrow(0, in_tail, rows - in_tail));
  }

  void add_to_taps(int64_t c, int64_t first_row, const at::Tensor& dw) {
    if (!gradients.weight.defined()) return;
    if (weight.dim() == 2) {
      gradients.weight.select(1, c).add_(dw.sum(0));
    } else {
      gradients.weight.narrow(0, first_row, dw.size(0)).select(2, c).copy_(dw);
    }
  }

  void walk_piece_back(int64_t b, const RowRange& sequence, int64_t done, int64_t rows) {
    const int64_t first_row = sequence.first_row + done;
    const auto x = inputs(b, sequence, done, rows);
    auto dz = d_out_ND.narrow(0, first_row, rows).to(wide());
    if (activation == ConvActivation::Silu) {
      dz = at::silu_backward(dz, before_activation(x, first_row, rows));
    }
    if (gradients.bias_D.defined()) gradients.bias_D.add_(dz.sum(0));
    for (int64_t c = 0; c <= kept(); ++c) {
      add_to_taps(c, first_row, dz * x.narrow(0, c, rows));
      add_to_inputs(b, sequence, done - kept() + c, dz * tap(c, first_row, rows));
    }
  }

  void walk_back(int64_t b, const RowRange& sequence, const at::Tensor& d_tail_BCD) {
    for_each_piece(sequence,
                   [&](int64_t done, int64_t rows) { walk_piece_back(b, sequence, done, rows); });
    if (kept() == 0 || !d_tail_BCD.defined()) return;
    add_to_inputs(b, sequence, sequence.num_rows - kept(), d_tail_BCD.select(0, b).to(wide()));
  }
};

/// Zeros of the shape of `like` in the type that computes, where a gradient is wanted.
at::Tensor room_for(const at::Tensor& like, bool wanted) {
  if (!wanted || !like.defined()) return {};
  return at::zeros(like.sizes(), like.options().dtype(computing_type(like.scalar_type())));
}

at::Tensor as(const at::Tensor& gradient, const at::Tensor& like) {
  return gradient.defined() ? gradient.to(like.scalar_type()) : gradient;
}

struct Differentiable : torch::autograd::Function<Differentiable> {
  static variable_list forward(AutogradContext* context, const at::Tensor& x_ND,
                               const at::Tensor& weight, const std::optional<at::Tensor>& bias_D,
                               const at::Tensor& tail_BCD, const std::vector<int64_t>& rows,
                               int64_t activation) {
    const auto sequences = sequences_of(rows);
    const auto bias = bias_D.value_or(at::Tensor());
    const ConvWalk walk{.x_ND = x_ND,
                        .weight = weight,
                        .bias_D = bias,
                        .tail_BCD = tail_BCD,
                        .d_out_ND = {},
                        .activation = static_cast<ConvActivation>(activation),
                        .gradients = {}};
    const CausalConvOut out{at::zeros(x_ND.sizes(), x_ND.options()),
                            at::empty(tail_BCD.sizes(), tail_BCD.options())};
    for (int64_t b = 0; b < std::ssize(sequences); ++b) walk.walk_forward(b, sequences[b], out);
    context->save_for_backward({x_ND, weight, bias, tail_BCD});
    context->saved_data["rows"] = rows;
    context->saved_data["activation"] = activation;
    context->set_materialize_grads(false);
    return {out.out_ND, out.tail_BCD};
  }

  static variable_list backward(AutogradContext* context, const variable_list& wanted) {
    require(!at::GradMode::is_enabled(),
            "causal_conv: its gradient has no gradient; leave out create_graph");
    const auto saved = context->get_saved_variables();
    // An input that is absent has no edge.
    const size_t edges[] = {0, 1, 2, saved[2].defined() ? size_t{3} : size_t{2}};
    const auto room = [&](size_t i) {
      return room_for(saved[i], context->needs_input_grad(edges[i]));
    };
    ConvWalk walk{
        .x_ND = saved[0],
        .weight = saved[1],
        .bias_D = saved[2],
        .tail_BCD = saved[3],
        .d_out_ND =
            wanted[0].defined() ? wanted[0] : at::zeros(saved[0].sizes(), saved[0].options()),
        .activation = static_cast<ConvActivation>(context->saved_data["activation"].toInt()),
        .gradients = {room(0), room(1), room(2), room(3)}};
    const auto sequences = sequences_of(context->saved_data["rows"].toIntVector());
    for (int64_t b = 0; b < std::ssize(sequences); ++b) walk.walk_back(b, sequences[b], wanted[1]);
    const auto& gradients = walk.gradients;
    return {as(gradients.x_ND, saved[0]),
            as(gradients.weight, saved[1]),
            as(gradients.bias_D, saved[2]),
            as(gradients.tail_BCD, saved[3]),
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
