#include "kernels/ops/kl_divergence.h"

#include <ATen/core/grad_mode.h>

#include "harness/base/error.h"
#include "kernels/ops/product.h"
#include "kernels/ops/shape.h"
#include "kernels/torch/token_losses.h"

namespace hylo::kernels {
namespace {

std::span<const bool> mask_of(const at::Tensor& mask_N, int64_t first, size_t count) {
  if (!mask_N.defined()) return {};
  return {mask_N.const_data_ptr<bool>() + first, count};
}

void check(const TopKDivergenceIn& in) {
  check_projection("top_k_divergence", "student", in.student);
  const int64_t tokens = in.student.hidden_ND.size(0), words = in.student.weight_WD.size(0);
  check_mask("top_k_divergence", in.mask_N, tokens);
  require(in.ids_Nk.dim() == 2 && in.ids_Nk.sizes() == in.probabilities_Nk.sizes() &&
              in.ids_Nk.size(0) == tokens && in.ids_Nk.scalar_type() == at::kLong &&
              in.probabilities_Nk.scalar_type() == at::kFloat && in.ids_Nk.is_contiguous() &&
              in.probabilities_Nk.is_contiguous(),
          "top_k_divergence: ids {} {} must be int64 and probabilities {} {} float32, both "
          "contiguous and [{}, k]",
          type_text(in.ids_Nk), shape_text(in.ids_Nk), type_text(in.probabilities_Nk),
          shape_text(in.probabilities_Nk), tokens);
  const auto* ids = in.ids_Nk.const_data_ptr<int64_t>();
  const auto* p = in.probabilities_Nk.const_data_ptr<float>();
  const int64_t k = in.ids_Nk.size(1);
  for (int64_t i = 0; i < in.ids_Nk.numel(); ++i) {
    require(ids[i] >= 0 && ids[i] < words,
            "top_k_divergence: id {} of token {} is outside of the vocabulary of {}", ids[i], i / k,
            words);
    require(p[i] >= 0 && p[i] <= 1, "top_k_divergence: {} of token {} is no probability", p[i],
            i / k);
  }
}

}  // namespace

TokenLosses kl_divergence(const KlDivergenceIn& in) {
  check_projection("kl_divergence", "student", in.student);
  check_projection("kl_divergence", "teacher", in.teacher);
  const int64_t tokens = in.student.hidden_ND.size(0);
  require(in.teacher.hidden_ND.size(0) == tokens &&
              in.teacher.weight_WD.size(0) == in.student.weight_WD.size(0),
          "kl_divergence: student {} x {} and teacher {} x {} must agree in tokens and vocabulary",
          shape_text(in.student.hidden_ND), shape_text(in.student.weight_WD),
          shape_text(in.teacher.hidden_ND), shape_text(in.teacher.weight_WD));
  require(in.temperature > 0, "kl_divergence: a temperature of {}; expected above 0",
          in.temperature);
  check_mask("kl_divergence", in.mask_N, tokens);
  return torch_form::token_losses(
      in.student, in.factor, [&](const cpu::LossRows& rows, int64_t first) {
        const at::NoGradGuard nothing_flows_to_the_teacher;
        auto teacher_QW = product(in.teacher.hidden_ND.narrow(0, first, std::ssize(rows.losses)),
                                  in.teacher.weight_WD.t());
        if (in.teacher.scale != 1) teacher_QW.mul_(in.teacher.scale);
        cpu::kl_rows(rows, {.teacher_QW = teacher_QW,
                            .mask = mask_of(in.mask_N, first, rows.losses.size()),
                            .direction = in.direction,
                            .temperature = in.temperature});
      });
}

TokenLosses top_k_divergence(const TopKDivergenceIn& in) {
  check(in);
  return torch_form::token_losses(
      in.student, in.factor, [&](const cpu::LossRows& rows, int64_t first) {
        const auto n = std::ssize(rows.losses);
        cpu::top_k_rows(rows, {.ids_Qk = in.ids_Nk.narrow(0, first, n),
                               .probabilities_Qk = in.probabilities_Nk.narrow(0, first, n),
                               .mask = mask_of(in.mask_N, first, rows.losses.size())});
      });
}

}  // namespace hylo::kernels
