#include "kernels/ops/selective_scan.h"

#include <ATen/ops/zeros.h>

#include "harness/base/error.h"
#include "kernels/cpu/recurrence.h"
#include "kernels/ops/recurrent.h"
#include "kernels/ops/shape.h"
#include "kernels/reference/selective_scan.h"

namespace hylo::kernels {
namespace {

RecurrentRows rows_of(const SelectiveScanIn& in) {
  return {"selective_scan", in.q_NHK,      in.k_NHK,     in.v_NHV,
          in.log_decay_NH,  in.state_BHKV, in.sequences, in.form};
}

void check(const SelectiveScanIn& in) {
  check(rows_of(in));
  require(in.log_decay_NH.sizes() == in.v_NHV.sizes().slice(0, 2),
          "selective_scan: log_decay {} must be [rows, heads] of v {}", shape_text(in.log_decay_NH),
          shape_text(in.v_NHV));
}

SelectiveScanOut stepwise(const SelectiveScanIn& in) {
  check_no_gradient(rows_of(in));
  const auto& v = in.v_NHV;
  SelectiveScanOut out{at::zeros(v.sizes(), v.options()), first_states(rows_of(in))};
  cpu::recurrence_stepwise({.q_NHK = with_contiguous_heads(in.q_NHK),
                            .k_NHK = with_contiguous_heads(in.k_NHK),
                            .v_NHV = with_contiguous_heads(v),
                            .log_decay_NH = in.log_decay_NH.contiguous(),
                            .beta_NH = {},
                            .sequences = in.sequences},
                           out.out_NHV, out.state_BHKV);
  return out;
}

}  // namespace

SelectiveScanOut selective_scan(const SelectiveScanIn& in) {
  check(in);
  if (in.form == RecurrentForm::Stepwise) return stepwise(in);
  auto out = reference::selective_scan(in);
  return {out.out_NHV.to(in.v_NHV.scalar_type()), out.state_BHKV.to(in.log_decay_NH.scalar_type())};
}

}  // namespace hylo::kernels
