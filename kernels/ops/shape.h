// How messages name a tensor's shape and type.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace hylo::kernels {

std::string shape_text(const at::Tensor& tensor);  ///< "[2, 3]"
std::string type_text(const at::Tensor& tensor);   ///< "float32", "bfloat16", ...

}  // namespace hylo::kernels
