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

/// The rows of query, key and value and the columns of output that the teacher has, copied into
/// weights with projections of these names.
template <class Weights>
Weights with_overlaid_projections(const AttentionTeacher& teacher, Weights weights) {
  const auto& w = teacher.weights;
  weights.query.weight_OI = overlay(weights.query.weight_OI, w.query.weight_OI, 0);
  weights.key.weight_OI = overlay(weights.key.weight_OI, expanded_keys(teacher), 0);
  weights.value.weight_OI = overlay(weights.value.weight_OI, expanded_values(teacher), 0);
  weights.output.weight_OI = overlay(weights.output.weight_OI, w.output.weight_OI, 1);
  return weights;
}

}  // namespace hylo::models
