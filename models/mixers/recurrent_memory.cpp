#include "models/mixers/recurrent_memory.h"

namespace hylo::models {

RecurrentMemory memory_of(const LayerCall& call) {
  if (!call.pages) return call.start ? *call.start : RecurrentMemory{};
  RecurrentMemory memory{call.pages->part(0), call.pages->part(1), {}};
  for (const auto& sequence : call.sequences) memory.slots.push_back(sequence.pages.front());
  return memory;
}

kernels::RecurrentForm recurrent_form(const LayerCall& call) {
  if (call.groups == kernels::RowGroups::Fixed) return kernels::RecurrentForm::Stepwise;
  return call.pages ? kernels::RecurrentForm::ByLength : kernels::RecurrentForm::Chunked;
}

at::ScalarType state_type(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

}  // namespace hylo::models
