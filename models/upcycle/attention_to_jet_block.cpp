#include "models/upcycle/attention_to_jet_block.h"

namespace hylo::models {

JetBlockWeights attention_to_jet_block(const AttentionTeacher& teacher, JetBlockWeights initial) {
  auto weights = std::move(initial);
  const auto& w = teacher.weights;
  weights.query.weight_OI = overlay(weights.query.weight_OI, w.query.weight_OI, 0);
  weights.key.weight_OI = overlay(weights.key.weight_OI, expanded_keys(teacher), 0);
  weights.value.weight_OI = overlay(weights.value.weight_OI, expanded_values(teacher), 0);
  weights.output.weight_OI = overlay(weights.output.weight_OI, w.output.weight_OI, 1);
  return weights;
}

}  // namespace hylo::models
