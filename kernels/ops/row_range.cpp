#include "kernels/ops/row_range.h"

#include "harness/base/error.h"

namespace hylo::kernels {

void check_sequences(const char* op, std::span<const RowRange> sequences, int64_t num_rows) {
  for (const auto& sequence : sequences) {
    require(sequence.first_row >= 0 && sequence.num_rows >= 0 &&
                sequence.first_row + sequence.num_rows <= num_rows,
            "{}: a sequence has rows [{}, {}) of {}", op, sequence.first_row,
            sequence.first_row + sequence.num_rows, num_rows);
  }
}

void check_slots(const char* op, Slots slots, int64_t num_sequences, int64_t pool_size) {
  require(std::ssize(slots) == num_sequences, "{}: {} slots for {} sequences", op, slots.size(),
          num_sequences);
  for (const int32_t slot : slots) {
    require(slot >= 0 && slot < pool_size, "{}: slot {} of a pool of {}", op, slot, pool_size);
  }
}

}  // namespace hylo::kernels
