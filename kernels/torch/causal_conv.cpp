#include "kernels/torch/causal_conv.h"

#include <ATen/ops/add.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/slice_scatter.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <vector>

#include "kernels/ops/recurrent.h"

namespace hylo::kernels::torch_form {
namespace {

/// Per sequence its tail and its rows one after another, [C - 1 + rows, D].
struct Extended {
  std::vector<at::Tensor> rows;
  at::Tensor tail_BCD;
};

Extended extend(const at::Tensor& x_ND, const at::Tensor& tail_BCD,
                std::span<const RowRange> sequences) {
  Extended out;
  std::vector<at::Tensor> tails;
  const int64_t kept = tail_BCD.size(1);
  for (size_t b = 0; b < sequences.size(); ++b) {
    const auto x = x_ND.narrow(0, sequences[b].first_row, sequences[b].num_rows);
    out.rows.push_back(at::cat({tail_BCD.select(0, static_cast<int64_t>(b)), x}));
    tails.push_back(out.rows.back().narrow(0, sequences[b].num_rows, kept));
  }
  out.tail_BCD = tails.empty() ? tail_BCD : at::stack(tails);
  return out;
}

/// The sum over taps in the wide type: tap(c, rows of the sequence) gives the factor. Rows of no
/// sequence are zero.
template <class Tap>
at::Tensor convolve(const Extended& extended, std::span<const RowRange> sequences,
                    const at::Tensor& x_ND, int64_t taps, at::ScalarType wide, Tap&& tap) {
  auto out_ND = at::zeros(x_ND.sizes(), x_ND.options().dtype(wide));
  for (size_t b = 0; b < sequences.size(); ++b) {
    const auto& rows = sequences[b];
    if (rows.num_rows == 0) continue;
    const auto x = extended.rows[b].to(wide);
    at::Tensor sum;
    for (int64_t c = 0; c < taps; ++c) {
      const auto term = at::mul(x.narrow(0, c, rows.num_rows), tap(c, rows));
      sum = sum.defined() ? at::add(sum, term) : term;
    }
    out_ND = at::slice_scatter(out_ND, sum, 0, rows.first_row, rows.first_row + rows.num_rows);
  }
  return out_ND;
}

at::Tensor activated(const at::Tensor& x, ConvActivation activation, at::ScalarType type) {
  return (activation == ConvActivation::Silu ? at::silu(x) : x).to(type);
}

}  // namespace

CausalConvOut causal_conv(const CausalConvIn& in) {
  const auto extended = extend(in.x_ND, in.tail_BCD, in.sequences);
  const auto wide = computing_type(in.x_ND.scalar_type());
  const auto weight = in.weight_DC.to(wide);
  auto sum = convolve(extended, in.sequences, in.x_ND, in.weight_DC.size(1), wide,
                      [&](int64_t c, const RowRange&) { return weight.select(1, c); });
  if (in.bias_D.defined()) sum = at::add(sum, in.bias_D.to(wide));
  return {activated(sum, in.activation, in.x_ND.scalar_type()), extended.tail_BCD};
}

CausalConvOut dynamic_conv(const DynamicConvIn& in) {
  const auto extended = extend(in.x_ND, in.tail_BCD, in.sequences);
  const auto wide = computing_type(in.x_ND.scalar_type());
  const auto sum = convolve(
      extended, in.sequences, in.x_ND, in.weight_NDC.size(2), wide,
      [&](int64_t c, const RowRange& rows) {
        return in.weight_NDC.select(2, c).narrow(0, rows.first_row, rows.num_rows).to(wide);
      });
  return {activated(sum, in.activation, in.x_ND.scalar_type()), extended.tail_BCD};
}

}  // namespace hylo::kernels::torch_form
