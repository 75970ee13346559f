#include "models/mixers/recurrent_memory.h"

namespace hylo::models {

RecurrentMemory memory_of(const LayerCall& call) {
  RecurrentMemory memory{call.pages.part(0), call.pages.part(1), {}};
  for (const auto& sequence : call.sequences) memory.slots.push_back(sequence.pages.front());
  return memory;
}

kernels::RecurrentForm recurrent_form(const LayerCall& call) {
  return call.groups == kernels::RowGroups::Fixed ? kernels::RecurrentForm::Stepwise
                                                  : kernels::RecurrentForm::ByLength;
}

at::ScalarType state_type(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

}  // namespace hylo::models
