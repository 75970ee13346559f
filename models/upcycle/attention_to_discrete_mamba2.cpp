#include "models/upcycle/attention_to_discrete_mamba2.h"

#include <ATen/ops/cat.h>

namespace hylo::models {

DiscreteMamba2Weights attention_to_discrete_mamba2(const AttentionTeacher& teacher,
                                                   const DiscreteMamba2Spec& student,
                                                   DiscreteMamba2Weights initial) {
  auto weights = std::move(initial);
  const int64_t values = student.inner_width(), keys = student.num_key_heads * student.key_width;
  const auto parts = weights.input.weight_OI.split_with_sizes(
      {values, keys, keys, values, student.num_heads});  // x, B, C, gate, decay
  weights.input.weight_OI = at::cat(
      {overlay(parts[0], expanded_values(teacher), 0), overlay(parts[1], expanded_keys(teacher), 0),
       overlay(parts[2], teacher.weights.query.weight_OI, 0), parts[3], parts[4]});
  weights.output.weight_OI = overlay(weights.output.weight_OI, teacher.weights.output.weight_OI, 1);
  return weights;
}

}  // namespace hylo::models
