#include "models/blocks/linear.h"

#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>

namespace hylo::models {

at::Tensor project_heads(const at::Tensor& weight_GOI, const at::Tensor& x_NHI,
                         kernels::RowGroups groups) {
  const int64_t rows = x_NHI.size(0), heads = x_NHI.size(1), width = x_NHI.size(2);
  const int64_t num_weights = weight_GOI.size(0), out = weight_GOI.size(1);
  const int64_t shared = heads / num_weights;
  const auto x_GMI = x_NHI.view({rows, num_weights, shared, width})
                         .transpose(0, 1)
                         .reshape({num_weights, rows * shared, width});
  const auto back = [&](const at::Tensor& y_GMO) {
    return y_GMO.view({num_weights, rows, shared, out}).transpose(0, 1).reshape({rows, heads, out});
  };
  if (groups == kernels::RowGroups::Free) return back(at::bmm(x_GMI, weight_GOI.transpose(1, 2)));
  auto y_GMO = at::empty({num_weights, rows * shared, out}, x_NHI.options());
  for (int64_t g = 0; g < num_weights; ++g) {
    y_GMO.select(0, g).copy_(
        kernels::linear({x_GMI.select(0, g), weight_GOI.select(0, g).contiguous(), {}, groups}));
  }
  return back(y_GMO);
}

}  // namespace hylo::models
