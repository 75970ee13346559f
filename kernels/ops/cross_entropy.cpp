#include "kernels/ops/cross_entropy.h"

#include "harness/base/error.h"
#include "kernels/ops/shape.h"
#include "kernels/torch/token_losses.h"

namespace hylo::kernels {
namespace {

void check(const CrossEntropyIn& in) {
  check_projection("cross_entropy", "student", in.student);
  const int64_t tokens = in.student.hidden_ND.size(0), words = in.student.weight_WD.size(0);
  require(in.labels_N.scalar_type() == at::kLong && in.labels_N.dim() == 1 &&
              in.labels_N.size(0) == tokens && in.labels_N.is_contiguous(),
          "cross_entropy: labels {} {} must be int64 and contiguous, one for each of {} tokens",
          type_text(in.labels_N), shape_text(in.labels_N), tokens);
  const auto* labels = in.labels_N.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < tokens; ++i) {
    require(labels[i] == no_label || (labels[i] >= 0 && labels[i] < words),
            "cross_entropy: label {} of token {} is outside of the vocabulary of {} ({} does not "
            "count)",
            labels[i], i, words, no_label);
  }
  require(!in.weights_N.defined() ||
              (in.weights_N.scalar_type() == at::kDouble && in.weights_N.is_contiguous() &&
               in.weights_N.sizes() == in.labels_N.sizes()),
          "cross_entropy: weights {} {} must be float64 and contiguous, one for each of {} tokens",
          type_text(in.weights_N), shape_text(in.weights_N), tokens);
}

std::span<const double> weights_of(const at::Tensor& weights_N, int64_t first, size_t count) {
  if (!weights_N.defined()) return {};
  return {weights_N.const_data_ptr<double>() + first, count};
}

}  // namespace

TokenLosses cross_entropy(const CrossEntropyIn& in) {
  check(in);
  const std::span labels(in.labels_N.const_data_ptr<int64_t>(),
                         static_cast<size_t>(in.labels_N.size(0)));
  return torch_form::token_losses(
      in.student, in.factor, [&](const cpu::LossRows& rows, int64_t first) {
        const auto count = rows.losses.size();
        cpu::cross_entropy_rows(rows, {.labels = labels.subspan(first, count),
                                       .weights = weights_of(in.weights_N, first, count),
                                       .z_loss = in.z_loss});
      });
}

}  // namespace hylo::kernels
