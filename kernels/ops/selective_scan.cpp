#include "kernels/ops/selective_scan.h"

#include <utility>

#include "harness/base/error.h"
#include "kernels/cpu/recurrence.h"
#include "kernels/ops/recurrent.h"
#include "kernels/ops/shape.h"
#include "kernels/torch/recurrence.h"

namespace hylo::kernels {
namespace {

RecurrentRows rows_of(const SelectiveScanIn& in) {
  return {"selective_scan", in.q_NHK,      in.k_NHK,     in.v_NHV,
          in.log_decay_NH,  in.state_BHKV, in.sequences, in.slots};
}

void check(const SelectiveScanIn& in) {
  check(rows_of(in));
  const int64_t rows = in.v_NHV.size(0), heads = in.v_NHV.size(1);
  require(
      in.log_decay_NH.sizes() == at::IntArrayRef({rows, heads}) ||
          in.log_decay_NH.sizes() == at::IntArrayRef({rows, heads, in.k_NHK.size(2)}),
      "selective_scan: log_decay {} must be [rows, heads] of v {}, or that and the width of k {}",
      shape_text(in.log_decay_NH), shape_text(in.v_NHV), shape_text(in.k_NHK));
}

cpu::RecurrenceIn recurrence_of(const SelectiveScanIn& in) {
  return {.q_NHK = with_contiguous_heads(in.q_NHK),
          .k_NHK = with_contiguous_heads(in.k_NHK),
          .v_NHV = with_contiguous_heads(in.v_NHV),
          .log_decay_NH = in.log_decay_NH.contiguous(),
          .beta_NH = {},
          .sequences = in.sequences,
          .slots = in.slots};
}

}  // namespace

SelectiveScanOut selective_scan(const SelectiveScanIn& in) {
  check(in);
  if (in.form == RecurrentForm::Chunked && in.slots.empty()) {
    auto out = torch_form::recurrence(recurrence_of(in), first_states(rows_of(in)));
    return {std::move(out.out_NHV), std::move(out.state_BHKV)};
  }
  check_no_gradient("selective_scan",
                    {in.q_NHK, in.k_NHK, in.v_NHV, in.log_decay_NH, in.state_BHKV});
  auto out = recur(rows_of(in), recurrence_of(in), in.form);
  return {std::move(out.out_NHV), std::move(out.state_BHKV)};
}

}  // namespace hylo::kernels
