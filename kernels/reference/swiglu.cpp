#include "kernels/reference/swiglu.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/exp.h>

namespace hylo::kernels::reference {

at::Tensor swiglu(const SwiGluIn& in) {
  const auto gate_NF = in.gate_NF.to(at::kDouble);
  return gate_NF / (1 + at::exp(-gate_NF)) * in.up_NF.to(at::kDouble);
}

}  // namespace hylo::kernels::reference
