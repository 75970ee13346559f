#include "models/distill/teacher_logits.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/topk.h>

#include <algorithm>

#include "harness/base/error.h"
#include "models/distill/packed_rows.h"
#include "models/distill/token_stream.h"

namespace hylo::models {
namespace {

/// Logits that exist at once, and rows of a call.
constexpr int64_t max_logits = int64_t{1} << 25, rows_of_a_call = 4096;

}  // namespace

at::Tensor likeliest(const Decoder& teacher, const TrainingRows& rows, int64_t top_k) {
  const auto vocabulary = teacher.config().vocabulary_size;
  require(top_k > 0 && top_k < vocabulary,
          "teacher_logits.top_k: expected 1 to {}, below the vocabulary, found {}", vocabulary - 1,
          top_k);
  const at::NoGradGuard no_grad;
  const auto normed_ND = teacher.forward(rows.tokens_N, packed_batch(rows.sequence_rows)).normed_ND;
  const auto num_rows = normed_ND.size(0), chunk = std::max<int64_t>(1, max_logits / vocabulary);
  std::vector<at::Tensor> parts;
  for (int64_t first = 0; first < num_rows; first += chunk) {
    const auto part_MD = normed_ND.narrow(0, first, std::min(chunk, num_rows - first));
    const auto logits_MW = teacher.logits(part_MD, kernels::RowGroups::Free).to(at::kFloat);
    const auto [log_p_Mk, ids_Mk] = at::topk(at::log_softmax(logits_MW, -1), top_k);
    parts.push_back(at::stack({ids_Mk.to(at::kInt), log_p_Mk.contiguous().view(at::kInt)}, 1));
  }
  return at::cat(parts);
}

void for_each_likeliest(const Decoder& teacher, const TokenDocuments& documents,
                        const TeacherLogitsOptions& options,
                        const std::function<void(const at::Tensor&)>& on_rows) {
  // The walk does not own them.
  const std::shared_ptr<const TokenDocuments> borrowed(std::shared_ptr<void>(), &documents);
  TokenWalk walk(borrowed, options.context_length,
                 std::max(options.context_length, rows_of_a_call));
  while (const auto batch = walk.next()) {
    on_rows(likeliest(teacher,
                      {.tokens_N = batch->tokens_N,
                       .labels_N = batch->labels_N,
                       .sequence_rows = batch->sequence_rows},
                      options.top_k));
  }
}

LikeliestTokens unpacked(const at::Tensor& rows_N2k) {
  return {
      .ids_Nk = rows_N2k.select(1, 0).to(at::kLong).contiguous(),
      .probabilities_Nk = rows_N2k.select(1, 1).contiguous().view(at::kFloat).exp().clamp_max(1)};
}

}  // namespace hylo::models
