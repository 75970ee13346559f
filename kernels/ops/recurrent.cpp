#include "kernels/ops/recurrent.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>

#include <vector>

#include "harness/base/error.h"
#include "kernels/ops/shape.h"

namespace hylo::kernels {
namespace {

void check_defined(const RecurrentRows& in) {
  require(
      in.q_NHK.defined() && in.k_NHK.defined() && in.v_NHV.defined() && in.log_decay_NH.defined(),
      "{}: q {}, k {}, v {} and log_decay {} must all be given", in.op, shape_text(in.q_NHK),
      shape_text(in.k_NHK), shape_text(in.v_NHV), shape_text(in.log_decay_NH));
}

void check_types(const RecurrentRows& in) {
  const auto type = in.q_NHK.scalar_type();
  require(type == at::kFloat || type == at::kDouble || type == at::kBFloat16,
          "{}: float32, float64 and bfloat16 are served, q is {}", in.op, type_text(in.q_NHK));
  require(in.k_NHK.scalar_type() == type && in.v_NHV.scalar_type() == type,
          "{}: q {}, k {} and v {} must be of one type", in.op, type_text(in.q_NHK),
          type_text(in.k_NHK), type_text(in.v_NHV));
  require(in.log_decay_NH.scalar_type() == computing_type(type),
          "{}: log_decay must be float32 (float64 where q is float64), found {} beside q {}", in.op,
          type_text(in.log_decay_NH), type_text(in.q_NHK));
  require(!in.state_BHKV.defined() || in.state_BHKV.scalar_type() == in.log_decay_NH.scalar_type(),
          "{}: state {} and log_decay {} must be of one type", in.op, type_text(in.state_BHKV),
          type_text(in.log_decay_NH));
}

void check_devices(const RecurrentRows& in) {
  for (const auto* tensor : {&in.q_NHK, &in.k_NHK, &in.v_NHV, &in.log_decay_NH, &in.state_BHKV}) {
    if (!tensor->defined()) continue;
    require(tensor->device().is_cpu(), "{}: tensors on the CPU are served, found one on {}", in.op,
            tensor->device().str());
  }
}

void check_shapes(const RecurrentRows& in) {
  const auto &q = in.q_NHK, &k = in.k_NHK, &v = in.v_NHV;
  require(q.dim() == 3 && k.dim() == 3 && q.size(0) == k.size(0) && q.size(2) == k.size(2),
          "{}: q {} and k {} must be [rows, heads, key width] with the same rows and width", in.op,
          shape_text(q), shape_text(k));
  require(v.dim() == 3 && v.size(0) == k.size(0),
          "{}: v {} must be [rows, heads, value width] with the rows of k {}", in.op, shape_text(v),
          shape_text(k));
  require(k.size(1) > 0 && v.size(1) > 0 && v.size(1) % k.size(1) == 0,
          "{}: the heads of v {} must be a multiple of those of k {}", in.op, shape_text(v),
          shape_text(k));
  require(q.size(1) > 0 && v.size(1) % q.size(1) == 0,
          "{}: the heads of v {} must be a multiple of those of q {}", in.op, shape_text(v),
          shape_text(q));
  require(k.size(2) > 0 && v.size(2) > 0, "{}: k {} and v {} must not be empty in width", in.op,
          shape_text(k), shape_text(v));
  if (in.state_BHKV.defined()) {
    const auto batch =
        in.slots.empty() ? static_cast<int64_t>(in.sequences.size()) : in.state_BHKV.size(0);
    require(
        in.state_BHKV.sizes() == at::IntArrayRef({batch, v.size(1), k.size(2), v.size(2)}),
        "{}: state {} must be [{}, {}, {}, {}]: sequences, heads and width of v {}, width of k {}",
        in.op, shape_text(in.state_BHKV), batch, v.size(1), k.size(2), v.size(2), shape_text(v),
        shape_text(k));
  }
}

/// Below so many new tokens of a sequence, stepping costs less than a chunk that is mostly empty.
constexpr int64_t rows_worth_a_chunk = 16;

/// The sequences of one form, and where their states lie.
struct Part {
  std::vector<RowRange> sequences;
  std::vector<int32_t> slots;
};

void recur_by_length(const cpu::RecurrenceIn& in, Recurred& out) {
  Part few, many;
  for (int64_t b = 0; b < std::ssize(in.sequences); ++b) {
    auto& part = in.sequences[b].num_rows < rows_worth_a_chunk ? few : many;
    part.sequences.push_back(in.sequences[b]);
    part.slots.push_back(static_cast<int32_t>(in.slot_of(b)));
  }
  auto part_in = in;
  if (!few.sequences.empty()) {
    part_in.sequences = few.sequences;
    part_in.slots = few.slots;
    cpu::recurrence_stepwise(part_in, out.out_NHV, out.state_BHKV);
  }
  if (many.sequences.empty()) return;
  part_in.sequences = many.sequences;
  part_in.slots = many.slots;
  cpu::recurrence_chunked(part_in, out.out_NHV, out.state_BHKV, nullptr);
}

}  // namespace

at::ScalarType computing_type(at::ScalarType rows) {
  return rows == at::kDouble ? at::kDouble : at::kFloat;
}

void check(const RecurrentRows& in) {
  check_defined(in);
  check_devices(in);
  check_types(in);
  check_shapes(in);
  check_sequences(in.op, in.sequences, in.v_NHV.size(0));
  if (in.slots.empty()) return;
  require(in.state_BHKV.defined() && in.state_BHKV.is_contiguous(),
          "{}: slots are given, and no contiguous pool of states that they lie in", in.op);
  check_slots(in.op, in.slots, std::ssize(in.sequences), in.state_BHKV.size(0));
}

void check_no_gradient(const char* op, std::initializer_list<at::Tensor> tensors) {
  if (!at::GradMode::is_enabled()) return;
  for (const auto& tensor : tensors) {
    require(!(tensor.defined() && tensor.requires_grad()),
            "{}: the stepwise form and states in a pool have no gradient; ask for the chunked form "
            "without slots",
            op);
  }
}

at::Tensor with_contiguous_heads(const at::Tensor& rows_NHW) {
  const bool in_place = rows_NHW.stride(2) == 1 && rows_NHW.stride(1) == rows_NHW.size(2);
  return in_place ? rows_NHW : rows_NHW.contiguous();
}

at::Tensor with_contiguous_channels(const at::Tensor& rows_ND) {
  return rows_ND.stride(1) == 1 ? rows_ND : rows_ND.contiguous();
}

at::Tensor first_states(const RecurrentRows& in) {
  if (in.state_BHKV.defined()) return in.state_BHKV;
  return at::zeros({static_cast<int64_t>(in.sequences.size()), in.v_NHV.size(1), in.k_NHK.size(2),
                    in.v_NHV.size(2)},
                   in.log_decay_NH.options());
}

Recurred recur(const RecurrentRows& rows, const cpu::RecurrenceIn& in, RecurrentForm form) {
  Recurred out{
      at::zeros(in.v_NHV.sizes(), in.v_NHV.options()),
      in.slots.empty() ? first_states(rows).clone(at::MemoryFormat::Contiguous) : rows.state_BHKV};
  switch (form) {
    case RecurrentForm::Chunked:
      cpu::recurrence_chunked(in, out.out_NHV, out.state_BHKV, nullptr);
      break;
    case RecurrentForm::Stepwise:
      cpu::recurrence_stepwise(in, out.out_NHV, out.state_BHKV);
      break;
    case RecurrentForm::ByLength:
      recur_by_length(in, out);
      break;
  }
  return out;
}

}  // namespace hylo::kernels
