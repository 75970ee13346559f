#include "kernels/ops/gated_delta.h"

#include <ATen/ops/zeros.h>

#include "harness/base/error.h"
#include "kernels/cpu/recurrence.h"
#include "kernels/ops/recurrent.h"
#include "kernels/ops/shape.h"
#include "kernels/reference/gated_delta.h"

namespace hylo::kernels {
namespace {

RecurrentRows rows_of(const GatedDeltaIn& in) {
  return {"gated_delta",   in.q_NHK,      in.k_NHK,     in.v_NHV,
          in.log_decay_NH, in.state_BHKV, in.sequences, in.form};
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

GatedDeltaOut stepwise(const GatedDeltaIn& in) {
  check_no_gradient(rows_of(in));
  const auto& v = in.v_NHV;
  GatedDeltaOut out{at::zeros(v.sizes(), v.options()), first_states(rows_of(in))};
  cpu::recurrence_stepwise({.q_NHK = with_contiguous_heads(in.q_NHK),
                            .k_NHK = with_contiguous_heads(in.k_NHK),
                            .v_NHV = with_contiguous_heads(v),
                            .log_decay_NH = in.log_decay_NH.contiguous(),
                            .beta_NH = in.beta_NH.contiguous(),
                            .sequences = in.sequences,
                            .scale = in.scale},
                           out.out_NHV, out.state_BHKV);
  return out;
}

}  // namespace

GatedDeltaOut gated_delta(const GatedDeltaIn& in) {
  check(in);
  if (in.form == RecurrentForm::Stepwise) return stepwise(in);
  auto out = reference::gated_delta(in);
  return {out.out_NHV.to(in.v_NHV.scalar_type()), out.state_BHKV.to(in.log_decay_NH.scalar_type())};
}

}  // namespace hylo::kernels
