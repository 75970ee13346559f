#include "kernels/ops/token_losses.h"

#include "harness/base/error.h"
#include "kernels/ops/shape.h"

namespace hylo::kernels {

void check_projection(const char* op, const char* whose, const Projection& in) {
  require(in.hidden_ND.dim() == 2 && in.weight_WD.dim() == 2 &&
              in.hidden_ND.size(1) == in.weight_WD.size(1) &&
              in.hidden_ND.scalar_type() == in.weight_WD.scalar_type(),
          "{}: the {}'s hidden states {} {} and head {} {} must agree in width and type", op, whose,
          type_text(in.hidden_ND), shape_text(in.hidden_ND), type_text(in.weight_WD),
          shape_text(in.weight_WD));
  const auto type = in.hidden_ND.scalar_type();
  require(type == at::kFloat || type == at::kDouble || type == at::kBFloat16,
          "{}: float32, float64 and bfloat16 are served, found {}", op, type_text(in.hidden_ND));
}

void check_mask(const char* op, const at::Tensor& mask_N, int64_t num_tokens) {
  require(!mask_N.defined() || (mask_N.scalar_type() == at::kBool && mask_N.dim() == 1 &&
                                mask_N.size(0) == num_tokens && mask_N.is_contiguous()),
          "{}: mask {} {} must be bool and contiguous, one for each of {} tokens", op,
          type_text(mask_N), shape_text(mask_N), num_tokens);
}

}  // namespace hylo::kernels
