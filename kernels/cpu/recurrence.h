// The recurrence that the gated delta rule and the selective scan share, on CPUs:
//   S <- exp(log_decay_t) S;   S <- S + k_t written_t;   out_t = scale q_t S
// where written_t is beta_t (v_t - k_t S) with a delta rule and v_t without. Vectorised by Highway
// and dispatched at run time. Shapes have been checked by the op that calls.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "kernels/ops/row_range.h"

namespace hylo::kernels::cpu {

/// q, k and v of one type, the heads of a row contiguous (rows may lie apart); the rest contiguous
/// and of the type that computes. H value heads; head h reads query head h / (H / Hq).
struct RecurrenceIn {
  at::Tensor q_NHK, k_NHK, v_NHV;
  at::Tensor log_decay_NH;  ///< [N, H] or [N, H, K]
  at::Tensor beta_NH;       ///< undefined: no delta rule
  std::span<const RowRange> sequences;
  double scale = 1;
  Slots slots = {};  ///< of the sequences' states; empty: in their order

  [[nodiscard]] int64_t slot_of(int64_t sequence) const {
    return slots.empty() ? sequence : slots[static_cast<size_t>(sequence)];
  }
};

/// How many heads of a sequence one thread takes at least: so many that waking it is worth it.
int64_t heads_of_a_task(const RecurrenceIn& in);

/// Token by token. `state_BHKV` holds the states before the first rows, and those after the last
/// ones when this returns. A row's bits depend on its own past alone.
void recurrence_stepwise(const RecurrenceIn& in, at::Tensor& out_NHV, at::Tensor& state_BHKV);

/// The chunked form walks over so many rows at a time.
inline constexpr int64_t chunk_rows = 64;
/// What the backward pass needs of the states is kept once per segment of so many chunks.
inline constexpr int64_t segment_rows = 8 * chunk_rows;

/// How many segments a sequence has, and the rows of one.
int64_t num_segments(const RowRange& sequence);
RowRange segment_of(const RowRange& sequence, int64_t segment);

/// For each sequence, how many segments those before it have; at the end, all of them.
std::vector<int64_t> first_segments_of(std::span<const RowRange> sequences);

/// What a forward pass leaves for the backward pass, both of the type that computes.
struct RecurrenceTrace {
  at::Tensor errors_NHV;   ///< v_t - k_t S, before beta; undefined without a delta rule
  at::Tensor states_SHKV;  ///< before each segment, those of the first sequence first
};

/// Chunk by chunk. As recurrence_stepwise, and fills `trace` unless it is null.
void recurrence_chunked(const RecurrenceIn& in, at::Tensor& out_NHV, at::Tensor& state_BHKV,
                        RecurrenceTrace* trace);

/// Gradients with respect to what RecurrenceIn holds and to the first states. Those of queries and
/// keys are of the type that computes and one per value head: heads that share one must be summed.
struct RecurrenceGradients {
  at::Tensor q_NHK, k_NHK;
  at::Tensor v_NHV;  ///< type of v
  at::Tensor log_decay_NH, beta_NH;
  at::Tensor state_BHKV;  ///< holds the gradient of the last states when the backward pass begins
};

/// The tensors of `gradients` are there and contiguous; rows of no sequence stay as they are.
void recurrence_backward(const RecurrenceIn& in, const RecurrenceTrace& trace,
                         const at::Tensor& out_gradient_NHV, RecurrenceGradients& gradients);

}  // namespace hylo::kernels::cpu
