#include "models/upcycle/attention_to_jet_block.h"

#include <utility>

namespace hylo::models {

JetBlockWeights attention_to_jet_block(const AttentionTeacher& teacher, JetBlockWeights initial) {
  return with_overlaid_projections(teacher, std::move(initial));
}

}  // namespace hylo::models
