#include "kernels/ops/shape.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/base/error.h"

namespace hylo::kernels {

std::string shape_text(const at::Tensor& tensor) {
  if (!tensor.defined()) return "[undefined]";
  return fmt::format("[{}]", fmt::join(tensor.sizes(), ", "));
}

std::string type_text(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return "float32";
    case at::kDouble:
      return "float64";
    case at::kBFloat16:
      return "bfloat16";
    case at::kHalf:
      return "float16";
    default:
      return c10::toString(tensor.scalar_type());
  }
}

}  // namespace hylo::kernels
