#include "tests/kernels/ops/recurrent_problem.h"

#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "kernels/reference/gated_delta.h"
#include "kernels/reference/selective_scan.h"
#include "tests/kernels/ops/tensors.h"

namespace hylo::kernels::tests {
namespace {

enum { Q, K, V, Decay, State, Beta };

at::ScalarType computing(at::ScalarType rows) {
  return rows == at::kDouble ? at::kDouble : at::kFloat;
}

GatedDeltaIn delta_of(const RecurrentProblem& p, RecurrentForm form) {
  return {
      p.tensors[Q], p.tensors[K], p.tensors[V], p.tensors[Decay], p.tensors[Beta], p.tensors[State],
      p.sequences,  p.scale,      form,         p.slots};
}
SelectiveScanIn scan_of(const RecurrentProblem& p, RecurrentForm form) {
  return {p.tensors[Q] * p.scale, p.tensors[K], p.tensors[V], p.tensors[Decay],
          p.tensors[State],       p.sequences,  form,         p.slots};
}

template <class Out>
RecurrentResult result_of(Out out) {
  return {out.out_NHV, out.state_BHKV};
}

}  // namespace

bool has_delta(RecurrentOp op) {
  return op == RecurrentOp::GatedDelta || op == RecurrentOp::ChannelDelta;
}

std::string name_of(RecurrentOp op) {
  const bool per_channel = op == RecurrentOp::ChannelDelta || op == RecurrentOp::ChannelScan;
  return std::string(has_delta(op) ? "gated delta" : "selective scan") +
         (per_channel ? " per channel" : "");
}

RecurrentResult RecurrentProblem::run(RecurrentForm form) const {
  return has_delta(op) ? result_of(gated_delta(delta_of(*this, form)))
                       : result_of(selective_scan(scan_of(*this, form)));
}

RecurrentResult RecurrentProblem::run_reference() const {
  const auto form = RecurrentForm::Chunked;
  return has_delta(op) ? result_of(reference::gated_delta(delta_of(*this, form)))
                       : result_of(reference::selective_scan(scan_of(*this, form)));
}

RecurrentProblem RecurrentProblem::to(at::ScalarType type) const {
  auto rounded = *this;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (!tensors[i].defined()) continue;
    rounded.tensors[i] = tensors[i].detach().to(i <= V ? type : computing(type));
  }
  return rounded;
}

RecurrentProblem RecurrentProblem::alone(size_t sequence) const {
  auto one = *this;
  const auto& rows = sequences[sequence];
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (!tensors[i].defined()) continue;
    one.tensors[i] = i == State ? tensors[i].narrow(0, static_cast<int64_t>(sequence), 1)
                                : tensors[i].narrow(0, rows.first_row, rows.num_rows);
    one.tensors[i] = one.tensors[i].clone();
  }
  one.sequences = {{0, rows.num_rows}};
  return one;
}

RecurrentProblem random_problem(RecurrentOp op, const RecurrentShape& shape,
                                const std::vector<int64_t>& lengths, at::ScalarType type,
                                uint64_t seed, const Hardness& hardness, int64_t gap) {
  RecurrentProblem p{.op = op, .sequences = {}, .tensors = {}};
  int64_t rows = 0;
  for (const int64_t length : lengths) {
    p.sequences.push_back({rows + gap, length});
    rows += gap + length;
  }
  const auto random = [&](at::IntArrayRef sizes, uint64_t which) {
    return random_tensor(sizes, at::kDouble, 8 * seed + which);
  };
  const auto& [key_heads, heads, key_width, value_width] = shape;
  auto k = random({rows, key_heads, key_width}, 1);
  if (has_delta(op)) k = k / at::linalg_vector_norm(k, 2, {-1}, true);
  if (hardness.with_zero_keys) {
    for (int64_t row = 0; row < rows; row += 3) k[row].zero_();
  }
  const bool per_channel = op == RecurrentOp::ChannelDelta || op == RecurrentOp::ChannelScan;
  auto decay = per_channel ? random({rows, heads, key_width}, 3) : random({rows, heads}, 3);
  p.tensors = {random({rows, key_heads, key_width}, 0),
               k,
               random({rows, heads, value_width}, 2),
               decay.abs() * -hardness.decay_scale,
               {}};
  if (hardness.with_state) {
    p.tensors[State] =
        random({static_cast<int64_t>(lengths.size()), heads, key_width, value_width}, 4);
  }
  if (has_delta(op)) {
    p.tensors.push_back(random({rows, heads}, 5).sigmoid() * hardness.max_beta);
  }
  p.scale = 1 / std::sqrt(static_cast<double>(key_width));
  return p.to(type);
}

RecurrentResult random_d_result(const RecurrentProblem& p, uint64_t seed) {
  const auto& v = p.tensors[V];
  return {random_tensor(v.sizes(), v.scalar_type(), 2 * seed),
          random_tensor({static_cast<int64_t>(p.sequences.size()), v.size(1), p.tensors[K].size(2),
                         v.size(2)},
                        computing(v.scalar_type()), 2 * seed + 1)};
}

RecurrentGradients gradients_of(const RecurrentProblem& problem, const RecurrentResult& d_result,
                                bool by_reference) {
  auto p = problem;
  for (auto& tensor : p.tensors) {
    if (tensor.defined()) tensor = tensor.detach().clone().requires_grad_(true);
  }
  const auto result = by_reference ? p.run_reference() : p.run(RecurrentForm::Chunked);
  const auto weighed = (result.out_NHV * d_result.out_NHV).sum().to(at::kDouble) +
                       (result.state_BHKV * d_result.state_BHKV).sum().to(at::kDouble);
  weighed.backward();
  RecurrentGradients gradients{{result.out_NHV.detach(), result.state_BHKV.detach()}, {}};
  for (const auto& tensor : p.tensors) {
    gradients.gradients.push_back(tensor.defined() ? tensor.grad() : at::Tensor());
  }
  return gradients;
}

double relative_rms(const at::Tensor& a, const at::Tensor& b) {
  const auto of = b.to(at::kDouble);
  const double size = of.square().mean().sqrt().item<double>();
  const double error = (a.to(at::kDouble) - of).square().mean().sqrt().item<double>();
  return size == 0 ? error : error / size;
}

}  // namespace hylo::kernels::tests
