// Kernels are compiled for several instruction sets and chosen at run time; a machine would test
// its best one alone.
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <numeric>

#include "kernels/reference/attention.h"
#include "kernels/reference/log_likelihood.h"
#include "kernels/reference/rms_norm.h"
#include "kernels/reference/rotary.h"
#include "kernels/reference/swiglu.h"
#include "tests/kernels/ops/recurrent_problem.h"
#include "tests/kernels/ops/tensors.h"

namespace hylo::kernels::tests {
namespace {

/// While it lives, kernels believe that the machine has this instruction set and none above it.
class OnlyTarget {
 public:
  explicit OnlyTarget(int64_t target) { choose(target); }
  ~OnlyTarget() { choose(0); }
  OnlyTarget(const OnlyTarget&) = delete;
  OnlyTarget& operator=(const OnlyTarget&) = delete;

 private:
  static void choose(int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().DeInit();
  }
};

/// A few roundings of results of order 10.
double tolerance(at::ScalarType type) { return 40 * rounding_of(type); }

void expect_row_ops_agree(at::ScalarType type, int64_t width) {
  const auto x = random_tensor({5, width}, type, 1), y = random_tensor({5, width}, type, 2);
  const RmsNormIn norm{x, y[0].contiguous(), 1e-5};
  EXPECT_LE(max_difference(rms_norm(norm), reference::rms_norm(norm)), tolerance(type));
  const SwiGluIn gate{x * 100, y};
  EXPECT_LE(max_difference(swiglu(gate), reference::swiglu(gate)), 100 * tolerance(type));
  const auto table = type == at::kDouble ? at::kDouble : at::kFloat;
  const auto angles = random_tensor({5, width / 2}, at::kDouble, 3);
  const RotaryIn turn{x.view({5, 1, width}), angles.cos().to(table), angles.sin().to(table)};
  EXPECT_LE(max_difference(rotary(turn), reference::rotary(turn)), tolerance(type));
  const std::vector<Target> targets{{0, 0}, {4, width - 1}};
  const auto found = log_likelihoods(x, targets), expected = reference::log_likelihoods(x, targets);
  for (size_t i = 0; i < targets.size(); ++i) {
    EXPECT_NEAR(found[i].log_prob, expected[i].log_prob, type == at::kDouble ? 1e-13 : 5e-7);
  }
}

void expect_attention_agrees(at::ScalarType type, int64_t width, std::optional<int64_t> window) {
  std::vector<int32_t> pages(25);
  std::iota(pages.begin(), pages.end(), 0);
  const std::vector<PagedRows> sequences{{0, 70, 0, pages}, {70, 3, 65, pages}};
  const AttentionIn in{.q_NHK = random_tensor({73, 4, width}, type, 4),
                       .keys_PSGK = random_tensor({25, 3, 2, width}, type, 5),
                       .values_PSGV = random_tensor({25, 3, 2, width + 1}, type, 6),
                       .sequences = sequences,
                       .scale = 1 / std::sqrt(static_cast<double>(width)),
                       .window = window};
  // One lane adds 128 products one after the other.
  EXPECT_LE(max_difference(attention(in), reference::attention(in)), 3 * tolerance(type));
}

TEST(InstructionSets, EveryOneAgreesWithTheReference) {
  int num_tested = 0;
  for (int64_t left = hwy::SupportedTargets(); left != 0; left &= left - 1) {
    const int64_t target = left & -left;
    SCOPED_TRACE(hwy::TargetName(target));
    const OnlyTarget only(target);
    for (const auto type : float_types) {
      for (const int64_t width : awkward_widths) {
        SCOPED_TRACE(width);
        expect_row_ops_agree(type, width);
        expect_attention_agrees(type, width, {});
      }
      expect_attention_agrees(type, 24, 5);
    }
    ++num_tested;
  }
  EXPECT_GE(num_tested, 1);
}

/// Calls use() under every instruction set that this machine has.
template <class Use>
void under_each_target(Use&& use) {
  for (int64_t left = hwy::SupportedTargets(); left != 0; left &= left - 1) {
    SCOPED_TRACE(hwy::TargetName(left & -left));
    const OnlyTarget only(left & -left);
    use();
  }
}

void expect_recurrence(const RecurrentProblem& problem, const RecurrentGradients& expected,
                       const RecurrentResult& d_result, double allowed) {
  for (const auto form : {RecurrentForm::Chunked, RecurrentForm::Stepwise}) {
    EXPECT_LE(relative_rms(problem.run(form).out_NHV, expected.result.out_NHV), allowed);
  }
  const auto found = gradients_of(problem, d_result).gradients;
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_LE(relative_rms(found[i], expected.gradients[i]), 10 * allowed) << "tensor " << i;
  }
}

// What this machine's best one computes is held against the reference elsewhere.
TEST(InstructionSets, EveryOneComputesTheSameRecurrences) {
  for (const auto op : recurrent_ops) {
    SCOPED_TRACE(name_of(op));
    for (const int64_t width : {3, 24}) {
      const auto problem = random_problem(op, {1, 2, width, width + 1}, {70, 3}, at::kDouble, 7);
      const auto d_result = random_d_result(problem, 8);
      const auto expected = gradients_of(problem, d_result);
      const RecurrentResult d_rounded{d_result.out_NHV.to(at::kFloat),
                                      d_result.state_BHKV.to(at::kFloat)};
      under_each_target([&] {
        expect_recurrence(problem, expected, d_result, 1e-12);
        expect_recurrence(problem.to(at::kFloat), expected, d_rounded, 1e-5);
      });
    }
  }
}

}  // namespace
}  // namespace hylo::kernels::tests
