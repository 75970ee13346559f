// Problems for the ops with a recurrent state, in one form for all of them.
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "kernels/ops/gated_delta.h"
#include "kernels/ops/selective_scan.h"

namespace hylo::kernels::tests {

enum class RecurrentOp {
  GatedDelta,    ///< one decay per head
  ChannelDelta,  ///< gated_delta with a decay per key channel
  Scan,          ///< selective_scan with one decay per head
  ChannelScan,   ///< and with a decay per key channel
};
inline constexpr RecurrentOp recurrent_ops[] = {RecurrentOp::GatedDelta, RecurrentOp::ChannelDelta,
                                                RecurrentOp::Scan, RecurrentOp::ChannelScan};
bool has_delta(RecurrentOp op);
std::string name_of(RecurrentOp op);

struct RecurrentShape {
  int64_t key_heads = 1, heads = 1;
  int64_t key_width = 1, value_width = 1;
};

/// What makes a problem hard.
struct Hardness {
  double decay_scale = 0.3;  ///< of the absolute values of log_decay
  double max_beta = 1;
  bool with_state = true;
  bool with_zero_keys = false;
};

struct RecurrentResult {
  at::Tensor out_NHV, state_BHKV;
};

/// The tensors of one call. Keys are of unit length with a delta rule.
struct RecurrentProblem {
  RecurrentOp op;
  std::vector<RowRange> sequences;
  /// q, k, v, log_decay, state (may be undefined), and beta with a delta rule.
  std::vector<at::Tensor> tensors;
  double scale = 1;
  std::vector<int32_t> slots = {};  ///< with them, state is a pool

  RecurrentResult run(RecurrentForm form) const;
  RecurrentResult run_reference() const;
  RecurrentProblem to(at::ScalarType type) const;  ///< rows rounded to it
  /// The rows of one sequence as a problem of its own.
  RecurrentProblem alone(size_t sequence) const;
};

/// Sequences of these lengths, one after another, `gap` rows of nobody before each.
RecurrentProblem random_problem(RecurrentOp op, const RecurrentShape& shape,
                                const std::vector<int64_t>& lengths, at::ScalarType type,
                                uint64_t seed, const Hardness& hardness = {}, int64_t gap = 0);

struct RecurrentGradients {
  RecurrentResult result;
  std::vector<at::Tensor> gradients;  ///< in the order of RecurrentProblem::tensors
};
/// The gradients of sum(out * d_out) + sum(state * d_state), by the op or by the reference.
RecurrentGradients gradients_of(const RecurrentProblem& problem, const RecurrentResult& d_result,
                                bool by_reference = false);
/// Random gradients of the result, those of rows of nobody included.
RecurrentResult random_d_result(const RecurrentProblem& problem, uint64_t seed);

/// Root of the mean square of a - b over that of b; plain root where b is zero.
double relative_rms(const at::Tensor& a, const at::Tensor& b);

}  // namespace hylo::kernels::tests
