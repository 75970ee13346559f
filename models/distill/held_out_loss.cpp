#include "models/distill/held_out_loss.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>

#include "harness/base/error.h"
#include "kernels/ops/cross_entropy.h"
#include "models/distill/packed_rows.h"

namespace hylo::models {

double HeldOutLoss::perplexity() const { return std::exp(cross_entropy); }

namespace {

void add_documents(std::vector<DocumentLoss>& documents, const PackedBatch& rows,
                   const at::Tensor& of_each_N) {
  const double* loss = of_each_N.const_data_ptr<double>();
  size_t row = 0;
  for (size_t i = 0; i < rows.sequence_rows.size(); ++i) {
    const auto index = static_cast<size_t>(rows.documents[i]);
    documents.resize(std::max(documents.size(), index + 1));
    auto& document = documents[index];
    for (const auto end = row + static_cast<size_t>(rows.sequence_rows[i]); row < end; ++row) {
      if (rows.labels_N[row] == kernels::no_label) continue;
      ++document.num_labels;
      document.nats += loss[row];
    }
  }
}

}  // namespace

HeldOutLoss held_out_loss(const Decoder& model, TokenWalk& walk) {
  const at::NoGradGuard no_grad;
  HeldOutLoss loss;
  walk.rewind();
  while (const auto rows = walk.next()) {
    const auto out = model.forward(rows->tokens_N, packed_batch(rows->sequence_rows));
    const auto entropy = kernels::cross_entropy(
        {last_projection(model, out.normed_ND), at::tensor(rows->labels_N, at::kLong)});
    add_documents(loss.documents, *rows, entropy.of_each_N);
  }
  double nats = 0;
  for (const auto& document : loss.documents) {
    loss.num_labels += document.num_labels;
    nats += document.nats;
  }
  invariant(loss.num_labels > 0, "held-out documents have no label");
  loss.cross_entropy = nats / static_cast<double>(loss.num_labels);
  return loss;
}

}  // namespace hylo::models
