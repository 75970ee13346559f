// States that 64K tokens have gone into: what rows in bfloat16 cost, chunked and stepwise.
#include <gtest/gtest.h>

#include "tests/kernels/ops/recurrent_problem.h"
#include "tests/kernels/ops/tensors.h"

namespace hylo::kernels::tests {
namespace {

/// Float32 against float64, as root mean squares.
constexpr double float32_tolerance = 1e-5;
/// The error that bfloat16 may cost over 64K tokens, as root mean square of outputs or states over
/// theirs. An operand is rounded by at most 2^-9 of itself, by 1.1e-3 as a root mean square (even
/// over the mantissas). An output is a sum of products of three operands and is rounded itself, so
/// four such errors, independent of one another: 2.3e-3; with a delta rule the errors that are
/// written are of v and of what the key recalls, twice as many. What is more would be an error that
/// grows with the length.
constexpr double bfloat16_tolerance = 6e-3;
/// Of one rounding, that of an output on its way out.
constexpr double output_rounding = 1.7e-3;

void expect_close(const RecurrentResult& found, const RecurrentResult& expected, double tolerance) {
  EXPECT_LE(relative_rms(found.out_NHV, expected.out_NHV), tolerance);
  EXPECT_LE(relative_rms(found.state_BHKV, expected.state_BHKV), tolerance);
}

/// Rows in bfloat16, with the float32 rows that they were rounded from.
struct LongProblem {
  RecurrentProblem exact, rounded;
};
// With a decay of about 1e-5 per token nothing is forgotten: every rounding of 64K tokens is in the
// state. Narrow, for speed; the scale of keys of width 16 is a power of two and rounds nothing.
LongProblem problem_of_64k_tokens(RecurrentOp op) {
  auto exact = random_problem(op, {1, 1, 16, 32}, {1 << 16}, at::kFloat, 19, {.decay_scale = 1e-5});
  auto rounded = exact.to(at::kBFloat16);
  return {std::move(exact), std::move(rounded)};
}

TEST(LongStates, StatesOf64KTokensLoseNothingToRowsInBfloat16) {
  constexpr double stepwise_tolerance = 3e-5;  // Every step rounds a decay.
  for (const auto op : recurrent_ops) {
    SCOPED_TRACE(name_of(op));
    const auto rounded = problem_of_64k_tokens(op).rounded;
    const auto exact = rounded.to(at::kDouble).run(RecurrentForm::Chunked);
    const auto in_float32 = rounded.to(at::kFloat).run(RecurrentForm::Chunked);
    const auto in_bfloat16 = rounded.run(RecurrentForm::Chunked);
    expect_close(in_float32, exact, float32_tolerance);
    EXPECT_TRUE(same_bits(in_bfloat16.state_BHKV, in_float32.state_BHKV));
    EXPECT_TRUE(same_bits(in_bfloat16.out_NHV, in_float32.out_NHV.to(at::kBFloat16)));
    const auto by_steps = rounded.run(RecurrentForm::Stepwise);
    EXPECT_LE(relative_rms(by_steps.state_BHKV, exact.state_BHKV), stepwise_tolerance);
    EXPECT_LE(relative_rms(by_steps.out_NHV, exact.out_NHV), output_rounding);
  }
}

TEST(LongStates, Bfloat16StaysCloseToFloat32Over64KTokens) {
  for (const auto op : recurrent_ops) {
    const auto problem = problem_of_64k_tokens(op);
    for (const auto form : {RecurrentForm::Chunked, RecurrentForm::Stepwise}) {
      SCOPED_TRACE(name_of(op) + (form == RecurrentForm::Chunked ? ", chunked" : ", stepwise"));
      const auto expected = problem.exact.run(form), found = problem.rounded.run(form);
      expect_close(found, expected, bfloat16_tolerance);
      // The last tokens, behind all others, are no worse than the bound either.
      constexpr int64_t last = 1024, first = (1 << 16) - last;
      EXPECT_LE(relative_rms(found.out_NHV.narrow(0, first, last),
                             expected.out_NHV.narrow(0, first, last)),
                bfloat16_tolerance);
    }
  }
}

}  // namespace
}  // namespace hylo::kernels::tests
