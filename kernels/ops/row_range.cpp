#include "kernels/ops/row_range.h"

#include <algorithm>
#include <vector>

#include "harness/base/error.h"

namespace hylo::kernels {
namespace {

int64_t end_of(const RowRange& rows) { return rows.first_row + rows.num_rows; }

/// Sequences whose rows follow one another, as those of a batch do, cost one look each.
void check_apart(const char* op, std::span<const RowRange> sequences) {
  std::vector<RowRange> ordered;
  for (const auto& sequence : sequences) {
    if (sequence.num_rows > 0) ordered.push_back(sequence);
  }
  if (!std::ranges::is_sorted(ordered, {}, &RowRange::first_row)) {
    std::ranges::sort(ordered, {}, &RowRange::first_row);
  }
  for (size_t i = 1; i < ordered.size(); ++i) {
    const auto &before = ordered[i - 1], &next = ordered[i];
    require(end_of(before) <= next.first_row,
            "{}: two sequences share row {}, one has rows [{}, {}), the other [{}, {})", op,
            next.first_row, before.first_row, end_of(before), next.first_row, end_of(next));
  }
}

}  // namespace

void check_sequences(const char* op, std::span<const RowRange> sequences, int64_t num_rows) {
  for (const auto& sequence : sequences) {
    require(sequence.first_row >= 0 && sequence.num_rows >= 0 &&
                sequence.first_row + sequence.num_rows <= num_rows,
            "{}: a sequence has rows [{}, {}) of {}", op, sequence.first_row,
            sequence.first_row + sequence.num_rows, num_rows);
  }
  check_apart(op, sequences);
}

void check_slots(const char* op, Slots slots, int64_t num_sequences, int64_t pool_size) {
  require(std::ssize(slots) == num_sequences, "{}: {} slots for {} sequences", op, slots.size(),
          num_sequences);
  std::vector<bool> is_taken(static_cast<size_t>(pool_size));
  for (const int32_t slot : slots) {
    require(slot >= 0 && slot < pool_size, "{}: slot {} of a pool of {}", op, slot, pool_size);
    require(!is_taken[static_cast<size_t>(slot)],
            "{}: two sequences of one call have slot {}, in which only one can step", op, slot);
    is_taken[static_cast<size_t>(slot)] = true;
  }
}

}  // namespace hylo::kernels
