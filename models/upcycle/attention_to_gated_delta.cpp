#include "models/upcycle/attention_to_gated_delta.h"

#include <utility>

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
  return with_overlaid_projections(teacher, std::move(initial));
}

}  // namespace hylo::models
