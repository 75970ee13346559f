// What the recurrent ops of a layer have in common: checks, types, rows and states.
#pragma once

#include <ATen/core/Tensor.h>

#include <initializer_list>
#include <span>

#include "kernels/cpu/recurrence.h"
#include "kernels/ops/row_range.h"

namespace hylo::kernels {

/// The tensors of either op, and its name for messages.
struct RecurrentRows {
  const char* op;
  const at::Tensor& q_NHK;
  const at::Tensor& k_NHK;
  const at::Tensor& v_NHV;
  const at::Tensor& log_decay_NH;
  const at::Tensor& state_BHKV;
  std::span<const RowRange> sequences;
  Slots slots;
};

/// Throws Error unless shapes and types agree: widths, heads that divide, the type of decays and
/// states, sequences within the rows.
void check(const RecurrentRows& in);

/// Throws Error when one of `tensors` wants a gradient, which the stepwise form and states in a
/// pool do not have.
void check_no_gradient(const char* op, std::initializer_list<at::Tensor> tensors);

/// The type of decays, states and sums for rows of type `rows`.
at::ScalarType computing_type(at::ScalarType rows);

/// Rows [N, H, W] whose heads lie one after another; a copy only where they do not. Rows themselves
/// may lie apart, as the columns of a wider projection do.
at::Tensor with_contiguous_heads(const at::Tensor& rows_NHW);

/// Rows [N, D] whose channels lie one after another; a copy only where they do not.
at::Tensor with_contiguous_channels(const at::Tensor& rows_ND);

/// [B, H, K, V]: the states before the first rows, or zeros where none are given.
at::Tensor first_states(const RecurrentRows& in);

/// What a recurrence without a gradient gives.
struct Recurred {
  at::Tensor out_NHV;
  at::Tensor state_BHKV;  ///< new, or the pool
};
Recurred recur(const RecurrentRows& rows, const cpu::RecurrenceIn& in, RecurrentForm form);

}  // namespace hylo::kernels
