// The rows of one sequence in a ragged call.
#pragma once

#include <cstdint>
#include <span>

namespace hylo::kernels {

/// Rows [first_row, first_row + num_rows) follow one another in one sequence.
struct RowRange {
  int64_t first_row = 0;
  int64_t num_rows = 0;
};

/// Where the memory of the sequences of a call lies: entry b is the index of sequence b in a pool
/// that is read and written in place. No two may be alike.
using Slots = std::span<const int32_t>;

/// Throws Error, in the name of `op`, unless there is a slot per sequence, each in the pool and
/// none twice.
void check_slots(const char* op, Slots slots, int64_t num_sequences, int64_t pool_size);

/// Throws Error, in the name of `op`, unless every sequence lies within [0, num_rows) and no two
/// share a row.
void check_sequences(const char* op, std::span<const RowRange> sequences, int64_t num_rows);

/// How an op with a recurrent state walks over the rows of a sequence.
enum class RecurrentForm {
  Chunked,   ///< products over chunks of tokens; differentiable
  Stepwise,  ///< token by token: a row's bits depend on its own past alone, however it is cut
  ByLength,  ///< each sequence in the form that costs it less, its few rows stepwise; no gradient
};

}  // namespace hylo::kernels
