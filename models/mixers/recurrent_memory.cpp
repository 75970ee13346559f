#include "models/mixers/recurrent_memory.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>

#include <algorithm>

namespace hylo::models {
namespace {

/// Below this many new tokens of a sequence, stepping costs less than a chunk that is mostly empty.
constexpr int64_t few_rows = 16;

at::Tensor slots_of(const LayerCall& call) {
  auto slots_B = at::empty({static_cast<int64_t>(call.sequences.size())},
                           at::TensorOptions().dtype(at::kLong));
  auto* slot = slots_B.mutable_data_ptr<int64_t>();
  for (const auto& sequence : call.sequences) *slot++ = sequence.pages.front();
  return slots_B;
}

}  // namespace

RecurrentMemory recall(const LayerCall& call) {
  if (!call.pages) return {};
  const auto slots_B = slots_of(call);
  return {at::index_select(call.pages->part(0), 0, slots_B),
          at::index_select(call.pages->part(1), 0, slots_B)};
}

void remember(const LayerCall& call, const RecurrentMemory& memory) {
  if (!call.pages) return;
  for (size_t b = 0; b < call.sequences.size(); ++b) {
    const auto row = static_cast<int64_t>(b);
    const int32_t slot = call.sequences[b].pages.front();
    call.pages->part(0).select(0, slot).copy_(memory.tail_BCD.select(0, row));
    call.pages->part(1).select(0, slot).copy_(memory.state_BHKV.select(0, row));
  }
}

kernels::RecurrentForm recurrent_form(const LayerCall& call) {
  if (call.groups == kernels::RowGroups::Fixed) return kernels::RecurrentForm::Stepwise;
  if (!call.pages) return kernels::RecurrentForm::Chunked;
  const bool few = std::ranges::all_of(
      call.rows, [](const kernels::RowRange& rows) { return rows.num_rows < few_rows; });
  return few ? kernels::RecurrentForm::Stepwise : kernels::RecurrentForm::Chunked;
}

at::ScalarType state_type(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

}  // namespace hylo::models
