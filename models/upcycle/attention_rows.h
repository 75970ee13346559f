// Rows and columns of attention's projections, as the conversions move them.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/weights/mixer_weights.h"

namespace hylo::models {

/// An attention layer that is converted.
struct AttentionTeacher {
  const AttentionSpec& spec;
  const AttentionWeights& weights;
};

/// Every head's rows `times` times, one after the other: heads 0, 0, 1, 1, ...
at::Tensor repeat_heads(const at::Tensor& weight_OI, int64_t num_heads, int64_t times);

/// Keys and values with as many heads as queries have.
at::Tensor expanded_keys(const AttentionTeacher& teacher);
at::Tensor expanded_values(const AttentionTeacher& teacher);

/// `onto` with its first rows (dim 0) or columns (dim 1) replaced by those of `from`: as many as
/// both have.
at::Tensor overlay(const at::Tensor& onto, const at::Tensor& from, int64_t dim);

}  // namespace hylo::models
