#include "models/upcycle/attention_to_gated_delta.h"

#include "harness/base/error.h"

namespace hylo::models {

void check_attention_to_gated_delta(const GatedDeltaSpec& student, const std::string& where) {
  require(!student.grouped_projections,
          "{}.grouped_projections: expected projections of their own, for attention is copied into "
          "those alone",
          where);
}

GatedDeltaWeights attention_to_gated_delta(const AttentionTeacher& teacher,
                                           GatedDeltaWeights initial) {
  auto weights = std::move(initial);
  const auto& w = teacher.weights;
  weights.query.weight_OI = overlay(weights.query.weight_OI, w.query.weight_OI, 0);
  weights.key.weight_OI = overlay(weights.key.weight_OI, expanded_keys(teacher), 0);
  weights.value.weight_OI = overlay(weights.value.weight_OI, expanded_values(teacher), 0);
  weights.output.weight_OI = overlay(weights.output.weight_OI, w.output.weight_OI, 1);
  return weights;
}

}  // namespace hylo::models
