#include "kernels/ops/causal_conv.h"

#include <ATen/ops/add.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include "harness/base/error.h"
#include "kernels/ops/shape.h"

namespace hylo::kernels {
namespace {

void check_rows(const char* op, std::span<const RowRange> sequences, int64_t num_rows) {
  int64_t next = 0;
  for (const auto& rows : sequences) {
    require(rows.first_row == next && rows.num_rows >= 0,
            "{}: sequences must follow one another; one has rows [{}, {}) behind row {}", op,
            rows.first_row, rows.first_row + rows.num_rows, next);
    next += rows.num_rows;
  }
  require(next == num_rows, "{}: sequences have {} rows of {}", op, next, num_rows);
}

at::Tensor tails_of(const char* op, const at::Tensor& x_ND, const at::Tensor& tail_BCD,
                    int64_t num_sequences, int64_t taps) {
  const auto channels = x_ND.size(1);
  if (!tail_BCD.defined()) return at::zeros({num_sequences, taps - 1, channels}, x_ND.options());
  require(tail_BCD.dim() == 3 && tail_BCD.size(0) == num_sequences &&
              tail_BCD.size(1) == taps - 1 && tail_BCD.size(2) == channels &&
              tail_BCD.scalar_type() == x_ND.scalar_type(),
          "{}: tail {} {} for {} sequences, {} taps and x {} {}", op, type_text(tail_BCD),
          shape_text(tail_BCD), num_sequences, taps, type_text(x_ND), shape_text(x_ND));
  return tail_BCD;
}

/// Calls of one sequence: its tail and its rows one after another, [C - 1 + rows, D].
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

/// The sum over taps in the wide type: tap(c, rows of the sequence) gives the factor.
template <class Tap>
at::Tensor convolve(const Extended& extended, std::span<const RowRange> sequences, int64_t taps,
                    at::ScalarType wide, Tap&& tap) {
  std::vector<at::Tensor> parts;
  for (size_t b = 0; b < sequences.size(); ++b) {
    const auto x = extended.rows[b].to(wide);
    at::Tensor sum;
    for (int64_t c = 0; c < taps; ++c) {
      const auto term = at::mul(x.narrow(0, c, sequences[b].num_rows), tap(c, sequences[b]));
      sum = sum.defined() ? at::add(sum, term) : term;
    }
    parts.push_back(sum);
  }
  return at::cat(parts);
}

at::ScalarType wide_type(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

at::Tensor activated(const at::Tensor& x, ConvActivation activation, at::ScalarType type) {
  return (activation == ConvActivation::Silu ? at::silu(x) : x).to(type);
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
  check_rows("causal_conv", in.sequences, in.x_ND.size(0));
  const int64_t taps = in.weight_DC.size(1);
  const auto num_sequences = static_cast<int64_t>(in.sequences.size());
  const auto tails = tails_of("causal_conv", in.x_ND, in.tail_BCD, num_sequences, taps);
  if (in.x_ND.size(0) == 0) return {in.x_ND, tails};
  const auto extended = extend(in.x_ND, tails, in.sequences);
  const auto wide = wide_type(in.x_ND);
  const auto weight = in.weight_DC.to(wide);
  auto sum = convolve(extended, in.sequences, taps, wide,
                      [&](int64_t c, const RowRange&) { return weight.select(1, c); });
  if (in.bias_D.defined()) sum = at::add(sum, in.bias_D.to(wide));
  return {activated(sum, in.activation, in.x_ND.scalar_type()), extended.tail_BCD};
}

CausalConvOut dynamic_conv(const DynamicConvIn& in) {
  require(in.x_ND.dim() == 2 && in.weight_NDC.dim() == 3 &&
              in.weight_NDC.sizes().slice(0, 2) == in.x_ND.sizes() && in.weight_NDC.size(2) >= 1 &&
              in.x_ND.scalar_type() == in.weight_NDC.scalar_type(),
          "dynamic_conv: x {} {} and weight {} {} must agree in rows, channels and type",
          type_text(in.x_ND), shape_text(in.x_ND), type_text(in.weight_NDC),
          shape_text(in.weight_NDC));
  check_rows("dynamic_conv", in.sequences, in.x_ND.size(0));
  const int64_t taps = in.weight_NDC.size(2);
  const auto num_sequences = static_cast<int64_t>(in.sequences.size());
  const auto tails = tails_of("dynamic_conv", in.x_ND, in.tail_BCD, num_sequences, taps);
  if (in.x_ND.size(0) == 0) return {in.x_ND, tails};
  const auto extended = extend(in.x_ND, tails, in.sequences);
  const auto wide = wide_type(in.x_ND);
  const auto sum =
      convolve(extended, in.sequences, taps, wide, [&](int64_t c, const RowRange& rows) {
        return in.weight_NDC.select(2, c).narrow(0, rows.first_row, rows.num_rows).to(wide);
      });
  return {activated(sum, in.activation, in.x_ND.scalar_type()), extended.tail_BCD};
}

}  // namespace hylo::kernels
