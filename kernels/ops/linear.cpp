#include "kernels/ops/linear.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/zeros.h>

#include <optional>

#include "harness/base/error.h"
#include "kernels/ops/gradient.h"
#include "kernels/ops/product.h"
#include "kernels/ops/shape.h"
#include "kernels/torch/linear.h"

namespace hylo::kernels {
namespace {

void check(const LinearIn& in) {
  require(in.x_NI.dim() == 2 && in.weight_OI.dim() == 2 && in.x_NI.size(1) == in.weight_OI.size(1),
          "linear: x {} and weight {} must agree in their last dim", shape_text(in.x_NI),
          shape_text(in.weight_OI));
  require(in.x_NI.scalar_type() == in.weight_OI.scalar_type(), "linear: x is {}, weight is {}",
          type_text(in.x_NI), type_text(in.weight_OI));
  require(!in.bias_O.defined() || in.bias_O.numel() == in.weight_OI.size(0),
          "linear: weight {} and bias {} must agree in their first dim", shape_text(in.weight_OI),
          shape_text(in.bias_O));
}

std::optional<at::Tensor> bias_of(const LinearIn& in) {
  return in.bias_O.defined() ? std::optional(in.bias_O) : std::nullopt;
}

/// A buffer whose rows all begin at multiples of a cache line: MKL's float32 kernels round
/// differently at other alignments, so an odd width would make a row's bits depend on where the row
/// stands.
at::Tensor aligned_group(const LinearIn& in) {
  constexpr int64_t line_bytes = 64;
  const int64_t step = line_bytes / static_cast<int64_t>(in.x_NI.element_size());
  const int64_t width = in.x_NI.size(1), stride = (width + step - 1) / step * step;
  return at::zeros({rows_of_a_group, stride}, in.x_NI.options()).narrow(1, 0, width);
}

at::Tensor linear_in_fixed_groups(const LinearIn& in) {
  const int64_t num_rows = in.x_NI.size(0);
  auto out_NO = at::empty({num_rows, in.weight_OI.size(0)}, in.x_NI.options());
  auto group_QI = aligned_group(in);
  for (int64_t begin = 0; begin < num_rows; begin += rows_of_a_group) {
    const int64_t rows = std::min(rows_of_a_group, num_rows - begin);
    group_QI.narrow(0, 0, rows).copy_(in.x_NI.narrow(0, begin, rows));
    out_NO.narrow(0, begin, rows)
        .copy_(at::linear(group_QI, in.weight_OI, bias_of(in)).narrow(0, 0, rows));
  }
  return out_NO;
}

}  // namespace

at::Tensor linear(const LinearIn& in) {
  check(in);
  if (in.groups == RowGroups::Fixed) {
    require(!wants_gradient({in.x_NI, in.weight_OI, in.bias_O}),
            "linear: fixed groups of rows have no gradient; train with RowGroups::Free");
    return linear_in_fixed_groups(in);
  }
  if (in.x_NI.scalar_type() != at::kFloat || product_library() == ProductLibrary::Mkl) {
    return at::linear(in.x_NI, in.weight_OI, bias_of(in));
  }
  if (wants_gradient({in.x_NI, in.weight_OI, in.bias_O})) return torch_form::linear(in);
  auto out_NO = product(in.x_NI, in.weight_OI.t());
  return in.bias_O.defined() ? out_NO.add_(in.bias_O) : out_NO;
}

}  // namespace hylo::kernels
