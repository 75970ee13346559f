#include "kernels/ops/gated_delta.h"

#include <utility>

#include "harness/base/error.h"
#include "kernels/cpu/recurrence.h"
#include "kernels/ops/recurrent.h"
#include "kernels/ops/shape.h"
#include "kernels/torch/recurrence.h"

namespace hylo::kernels {
namespace {

RecurrentRows rows_of(const GatedDeltaIn& in) {
  return {"gated_delta",   in.q_NHK,      in.k_NHK,     in.v_NHV,
          in.log_decay_NH, in.state_BHKV, in.sequences, in.slots};
}

void check(const GatedDeltaIn& in) {
  check(rows_of(in));
  require(in.q_NHK.sizes() == in.k_NHK.sizes(), "gated_delta: q {} and k {} must have one shape",
          shape_text(in.q_NHK), shape_text(in.k_NHK));
  const int64_t rows = in.v_NHV.size(0), heads = in.v_NHV.size(1);
  require(in.log_decay_NH.sizes() == at::IntArrayRef({rows, heads}) ||
              in.log_decay_NH.sizes() == at::IntArrayRef({rows, heads, in.k_NHK.size(2)}),
          "gated_delta: log_decay {} must be [rows, heads] of v {}, or that and the width of k {}",
          shape_text(in.log_decay_NH), shape_text(in.v_NHV), shape_text(in.k_NHK));
  require(in.beta_NH.defined() && in.beta_NH.sizes() == at::IntArrayRef({rows, heads}),
          "gated_delta: beta {} must be [rows, heads] of v {}", shape_text(in.beta_NH),
          shape_text(in.v_NHV));
  require(in.beta_NH.scalar_type() == in.log_decay_NH.scalar_type(),
          "gated_delta: beta {} and log_decay {} must be of one type", type_text(in.beta_NH),
          type_text(in.log_decay_NH));
}

cpu::RecurrenceIn recurrence_of(const GatedDeltaIn& in) {
  return {.q_NHK = with_contiguous_heads(in.q_NHK),
          .k_NHK = with_contiguous_heads(in.k_NHK),
          .v_NHV = with_contiguous_heads(in.v_NHV),
          .log_decay_NH = in.log_decay_NH.contiguous(),
          .beta_NH = in.beta_NH.contiguous(),
          .sequences = in.sequences,
          .scale = in.scale,
          .slots = in.slots};
}

}  // namespace

GatedDeltaOut gated_delta(const GatedDeltaIn& in) {
  check(in);
  if (in.form == RecurrentForm::Chunked && in.slots.empty()) {
    auto out = torch_form::recurrence(recurrence_of(in), first_states(rows_of(in)));
    return {std::move(out.out_NHV), std::move(out.state_BHKV)};
  }
  check_no_gradient("gated_delta",
                    {in.q_NHK, in.k_NHK, in.v_NHV, in.log_decay_NH, in.beta_NH, in.state_BHKV});
  auto out = recur(rows_of(in), recurrence_of(in), in.form);
  return {std::move(out.out_NHV), std::move(out.state_BHKV)};
}

}  // namespace hylo::kernels
