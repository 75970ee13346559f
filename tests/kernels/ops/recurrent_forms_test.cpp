// The forms of the ops with a recurrent state against each other and the reference, forward and
// backward.
#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/isnan.h>
#include <fmt/core.h>
#include <gmock/gmock.h>

#include <limits>

#include "tests/kernels/ops/recurrent_problem.h"
#include "tests/kernels/ops/tensors.h"
#include "tests/support/test_data.h"

namespace hylo::kernels::tests {
namespace {

/// Two computations in float64.
constexpr double float64_tolerance = 1e-10;
/// Float32 against float64: root mean squares of values and of gradients.
constexpr double float32_tolerance = 1e-5, float32_gradient_tolerance = 1e-4;

/// One token, two, around a chunk of 64 rows, and two chunks and a rest.
const std::vector<int64_t> awkward_lengths{1, 2, 63, 64, 65, 130};

constexpr RecurrentShape small_shape{.key_heads = 2, .heads = 4, .key_width = 12, .value_width = 9};

struct NamedHardness {
  const char* name;
  Hardness hardness;
};
const NamedHardness hardnesses[] = {
    {"plain", {}},
    {"from nothing", {.with_state = false}},
    {"no decay", {.decay_scale = 0}},
    {"strong decay", {.decay_scale = 20}},
    {"beta up to 2", {.decay_scale = 0.05, .max_beta = 2}},
    {"beta 0", {.max_beta = 0}},
    {"zero keys", {.with_zero_keys = true}},
};

void expect_close(const RecurrentResult& found, const RecurrentResult& expected, double tolerance) {
  EXPECT_LE(relative_rms(found.out_NHV, expected.out_NHV), tolerance);
  EXPECT_LE(relative_rms(found.state_BHKV, expected.state_BHKV), tolerance);
}

void expect_gradients_close(const RecurrentGradients& found, const RecurrentGradients& expected,
                            double tolerance) {
  expect_close(found.result, expected.result, tolerance);
  ASSERT_EQ(found.gradients.size(), expected.gradients.size());
  const char* names[] = {"q", "k", "v", "log_decay", "state", "beta"};
  for (size_t i = 0; i < expected.gradients.size(); ++i) {
    if (!expected.gradients[i].defined()) continue;
    ASSERT_TRUE(found.gradients[i].defined()) << names[i];
    EXPECT_LE(relative_rms(found.gradients[i], expected.gradients[i]), tolerance) << names[i];
  }
}

template <class Check>
void for_each_op_and_hardness(Check&& check) {
  for (const auto op : recurrent_ops) {
    for (const auto& [name, hardness] : hardnesses) {
      SCOPED_TRACE(name_of(op) + ", " + name);
      check(op, hardness);
    }
  }
}

TEST(RecurrentForms, AgreeWithTheReferenceAtEveryLengthAroundAChunk) {
  for_each_op_and_hardness([](RecurrentOp op, const Hardness& hardness) {
    const auto problem = random_problem(op, small_shape, awkward_lengths, at::kDouble, 1, hardness);
    const auto expected = problem.run_reference();
    expect_close(problem.run(RecurrentForm::Stepwise), expected, float64_tolerance);
    expect_close(problem.run(RecurrentForm::Chunked), expected, float64_tolerance);
    const auto rounded = problem.to(at::kFloat);
    expect_close(rounded.run(RecurrentForm::Stepwise), expected, float32_tolerance);
    expect_close(rounded.run(RecurrentForm::Chunked), expected, float32_tolerance);
  });
}

TEST(RecurrentForms, GradientsAreThoseOfTheReferenceAtEveryLengthAroundAChunk) {
  for_each_op_and_hardness([](RecurrentOp op, const Hardness& hardness) {
    const auto problem = random_problem(op, small_shape, awkward_lengths, at::kDouble, 2, hardness);
    const auto d_result = random_d_result(problem, 3);
    const auto expected = gradients_of(problem, d_result, true);
    expect_gradients_close(gradients_of(problem, d_result), expected, float64_tolerance);
    const RecurrentResult d_rounded{d_result.out_NHV.to(at::kFloat),
                                    d_result.state_BHKV.to(at::kFloat)};
    expect_gradients_close(gradients_of(problem.to(at::kFloat), d_rounded), expected,
                           float32_gradient_tolerance);
  });
}

double weighed(const RecurrentProblem& problem, const RecurrentResult& d_result) {
  const auto result = problem.run(RecurrentForm::Chunked);
  return ((result.out_NHV * d_result.out_NHV).sum() +
          (result.state_BHKV * d_result.state_BHKV).sum())
      .item<double>();
}

TEST(RecurrentForms, GradientsAreFiniteDifferences) {
  constexpr double step = 1e-5;  // Central differences err by its square and by 1e-16 / step.
  constexpr double tolerance = 1e-7;
  for (const auto op : recurrent_ops) {
    SCOPED_TRACE(name_of(op));
    auto problem = random_problem(op, {1, 2, 3, 2}, {3, 18}, at::kDouble, 4, {}, 1);
    const auto d_result = random_d_result(problem, 5);
    const auto gradients = gradients_of(problem, d_result).gradients;
    for (size_t i = 0; i < problem.tensors.size(); ++i) {
      double* entries = problem.tensors[i].mutable_data_ptr<double>();
      const auto gradient = gradients[i].contiguous();
      for (int64_t j = 0; j < problem.tensors[i].numel(); ++j) {
        const double value = entries[j];
        entries[j] = value + step;
        const double above = weighed(problem, d_result);
        entries[j] = value - step;
        const double below = weighed(problem, d_result);
        entries[j] = value;
        ASSERT_NEAR(gradient.const_data_ptr<double>()[j], (above - below) / (2 * step), tolerance)
            << "tensor " << i << " entry " << j;
      }
    }
  }
}

TEST(RecurrentForms, Float32IsCloseToFloat64OnRealHeadSizes) {
  const RecurrentShape shapes[] = {{1, 1, 256, 512}, {1, 2, 128, 128}, {1, 2, 64, 64}};
  for (const auto op : recurrent_ops) {
    for (const auto& shape : shapes) {
      SCOPED_TRACE(fmt::format("{}, {} x {}", name_of(op), shape.key_width, shape.value_width));
      const auto problem = random_problem(op, shape, {580}, at::kDouble, 6);
      const auto d_result = random_d_result(problem, 7);
      const auto expected = gradients_of(problem, d_result);
      const RecurrentResult d_rounded{d_result.out_NHV.to(at::kFloat),
                                      d_result.state_BHKV.to(at::kFloat)};
      expect_gradients_close(gradients_of(problem.to(at::kFloat), d_rounded), expected,
                             float32_gradient_tolerance);
      expect_close(problem.to(at::kFloat).run(RecurrentForm::Chunked), expected.result,
                   float32_tolerance);
    }
  }
}

TEST(RecurrentForms, PackedSequencesAreBitByBitThoseComputedAlone) {
  for (const auto op : recurrent_ops) {
    for (const auto type : float_types) {
      SCOPED_TRACE(name_of(op));
      const auto packed = random_problem(op, small_shape, {65, 1, 130, 20}, type, 8, {}, 2);
      const auto d_result = random_d_result(packed, 9);
      const auto together = gradients_of(packed, d_result);
      const auto stepwise = packed.run(RecurrentForm::Stepwise);
      for (size_t s = 0; s < packed.sequences.size(); ++s) {
        const auto [first, rows] = packed.sequences[s];
        const auto b = static_cast<int64_t>(s);
        const auto one = packed.alone(s);
        const auto alone = gradients_of(
            one, {d_result.out_NHV.narrow(0, first, rows), d_result.state_BHKV.narrow(0, b, 1)});
        EXPECT_TRUE(
            same_bits(together.result.out_NHV.narrow(0, first, rows), alone.result.out_NHV));
        EXPECT_TRUE(same_bits(stepwise.out_NHV.narrow(0, first, rows),
                              one.run(RecurrentForm::Stepwise).out_NHV));
        for (size_t i = 0; i < packed.tensors.size(); ++i) {
          const bool is_state = i == 4;
          const auto part = is_state ? together.gradients[i].narrow(0, b, 1)
                                     : together.gradients[i].narrow(0, first, rows);
          EXPECT_TRUE(same_bits(part, alone.gradients[i])) << "tensor " << i;
        }
      }
      EXPECT_EQ(together.result.out_NHV.narrow(0, 0, 2).abs().max().item<double>(), 0);
      EXPECT_EQ(together.gradients[2].narrow(0, 0, 2).abs().max().item<double>(), 0);
    }
  }
}

/// The first `rows` rows of the only sequence, and the others with the state in between.
RecurrentResult in_two_calls(const RecurrentProblem& problem, int64_t rows, RecurrentForm form) {
  const int64_t all = problem.sequences[0].num_rows;
  auto first = problem, second = problem;
  first.sequences = {{0, rows}};
  second.sequences = {{0, all - rows}};
  for (size_t i = 0; i < problem.tensors.size(); ++i) {
    if (i == 4) continue;
    first.tensors[i] = problem.tensors[i].narrow(0, 0, rows);
    second.tensors[i] = problem.tensors[i].narrow(0, rows, all - rows);
  }
  const auto begun = first.run(form);
  second.tensors[4] = begun.state_BHKV;
  const auto ended = second.run(form);
  return {at::cat({begun.out_NHV, ended.out_NHV}), ended.state_BHKV};
}

TEST(RecurrentForms, TwoCallsThatPassTheStateOnEqualOneCall) {
  for (const auto op : recurrent_ops) {
    SCOPED_TRACE(name_of(op));
    const auto problem = random_problem(op, small_shape, {100}, at::kFloat, 10);
    for (const int64_t rows : {1, 37, 64, 99}) {
      const auto whole = problem.run(RecurrentForm::Chunked);
      expect_close(in_two_calls(problem, rows, RecurrentForm::Chunked), whole, float32_tolerance);
      const auto by_steps = problem.run(RecurrentForm::Stepwise);
      const auto cut = in_two_calls(problem, rows, RecurrentForm::Stepwise);
      EXPECT_TRUE(same_bits(cut.out_NHV, by_steps.out_NHV));
      EXPECT_TRUE(same_bits(cut.state_BHKV, by_steps.state_BHKV));
    }
  }
}

TEST(RecurrentForms, NoBitDependsOnTheThreads) {
  const int before = at::get_num_threads();
  for (const auto op : recurrent_ops) {
    SCOPED_TRACE(name_of(op));
    const auto problem = random_problem(op, small_shape, {70, 30}, at::kFloat, 11);
    const auto d_result = random_d_result(problem, 12);
    at::set_num_threads(1);
    const auto one = gradients_of(problem, d_result);
    const auto steps_of_one = problem.run(RecurrentForm::Stepwise);
    at::set_num_threads(3);
    const auto three = gradients_of(problem, d_result);
    EXPECT_TRUE(same_bits(one.result.out_NHV, three.result.out_NHV));
    EXPECT_TRUE(same_bits(steps_of_one.out_NHV, problem.run(RecurrentForm::Stepwise).out_NHV));
    for (size_t i = 0; i < one.gradients.size(); ++i) {
      EXPECT_TRUE(same_bits(one.gradients[i], three.gradients[i])) << "tensor " << i;
    }
  }
  at::set_num_threads(before);
}

TEST(RecurrentForms, ADocumentFullOfNanLeavesItsNeighboursAlone) {
  for (const auto op : recurrent_ops) {
    SCOPED_TRACE(name_of(op));
    const auto clean = random_problem(op, small_shape, {64, 20, 10}, at::kFloat, 13);
    auto broken = clean;
    broken.tensors[1] = clean.tensors[1].clone();
    broken.tensors[1].narrow(0, 0, 64).fill_(std::numeric_limits<float>::quiet_NaN());
    const auto d_result = random_d_result(clean, 14);
    const auto expected = gradients_of(clean, d_result), found = gradients_of(broken, d_result);
    EXPECT_TRUE(found.result.out_NHV.narrow(0, 1, 63).isnan().all().item<bool>());
    EXPECT_TRUE(same_bits(found.result.out_NHV.narrow(0, 64, 30),
                          expected.result.out_NHV.narrow(0, 64, 30)));
    for (const size_t i : {0, 1, 2, 3}) {
      EXPECT_TRUE(
          same_bits(found.gradients[i].narrow(0, 64, 30), expected.gradients[i].narrow(0, 64, 30)))
          << "tensor " << i;
    }
  }
}

// Value heads 0 and 1 read query head 0. Widths that are no whole vectors: what pads a row of one
// head's buffers must not reach the next head.
TEST(RecurrentForms, AHeadFullOfNanLeavesTheOtherHeadsAlone) {
  for (const auto op : recurrent_ops) {
    SCOPED_TRACE(name_of(op));
    const auto clean = random_problem(op, small_shape, {80}, at::kFloat, 20);
    auto broken = clean;
    broken.tensors[0] = clean.tensors[0].clone();
    broken.tensors[0].select(1, 0).fill_(std::numeric_limits<float>::quiet_NaN());
    const auto d_result = random_d_result(clean, 21);
    const auto expected = gradients_of(clean, d_result), found = gradients_of(broken, d_result);
    const auto others = [](const at::Tensor& x) {
      return x.narrow(1, x.size(1) / 2, x.size(1) / 2);
    };
    EXPECT_TRUE(found.gradients[2].narrow(1, 0, 2).isnan().all().item<bool>());
    EXPECT_TRUE(same_bits(others(found.result.out_NHV), others(expected.result.out_NHV)));
    for (size_t i = 0; i < found.gradients.size(); ++i) {
      EXPECT_TRUE(same_bits(others(found.gradients[i]), others(expected.gradients[i])))
          << "tensor " << i;
    }
  }
}

TEST(RecurrentForms, RowsMayBeColumnsOfAWiderTensor) {
  for (const auto op : recurrent_ops) {
    SCOPED_TRACE(name_of(op));
    auto problem = random_problem(op, small_shape, {70}, at::kFloat, 15);
    const auto chunked = problem.run(RecurrentForm::Chunked);
    const auto stepwise = problem.run(RecurrentForm::Stepwise);
    for (const size_t i : {0, 1, 2}) {
      const auto& rows = problem.tensors[i];
      const int64_t width = rows.size(1) * rows.size(2);
      auto wide = random_tensor({rows.size(0), width + 7}, at::kFloat, 16);
      wide.narrow(1, 3, width).copy_(rows.view({rows.size(0), width}));
      problem.tensors[i] = wide.narrow(1, 3, width).view(rows.sizes());
    }
    EXPECT_TRUE(same_bits(problem.run(RecurrentForm::Chunked).out_NHV, chunked.out_NHV));
    EXPECT_TRUE(same_bits(problem.run(RecurrentForm::Stepwise).out_NHV, stepwise.out_NHV));
  }
}

TEST(RecurrentForms, ByLengthEachSequenceTakesTheFormThatItsLengthAsksFor) {
  for (const auto op : recurrent_ops) {
    SCOPED_TRACE(name_of(op));
    const auto problem = random_problem(op, small_shape, {1, 130, 1, 15, 16}, at::kFloat, 5);
    const auto together = problem.run(RecurrentForm::ByLength);
    for (size_t i = 0; i < problem.sequences.size(); ++i) {
      const auto& rows = problem.sequences[i];
      const auto alone = problem.alone(i).run(rows.num_rows < 16 ? RecurrentForm::Stepwise
                                                                 : RecurrentForm::Chunked);
      EXPECT_TRUE(
          same_bits(together.out_NHV.narrow(0, rows.first_row, rows.num_rows), alone.out_NHV));
      EXPECT_TRUE(
          same_bits(together.state_BHKV[static_cast<int64_t>(i)].unsqueeze(0), alone.state_BHKV));
    }
  }
}

TEST(RecurrentForms, StatesInAPoolStepInPlaceAndTheOthersStay) {
  for (const auto op : recurrent_ops) {
    for (const auto form :
         {RecurrentForm::Stepwise, RecurrentForm::Chunked, RecurrentForm::ByLength}) {
      SCOPED_TRACE(name_of(op));
      auto problem = random_problem(op, small_shape, {1, 70, 2}, at::kFloat, 6);
      const auto apart = problem.run(form);
      auto& states = problem.tensors[4];
      const auto pool =
          random_tensor({5, states.size(1), states.size(2), states.size(3)}, at::kFloat, 7);
      const auto before = pool.clone();
      problem.slots = {3, 0, 4};
      for (int64_t b = 0; b < 3; ++b) pool.select(0, problem.slots[b]).copy_(states[b]);
      states = pool;
      const auto in_pool = problem.run(form);
      EXPECT_TRUE(in_pool.state_BHKV.is_same(pool));
      EXPECT_TRUE(same_bits(in_pool.out_NHV, apart.out_NHV));
      for (int64_t b = 0; b < 3; ++b) {
        EXPECT_TRUE(same_bits(pool.select(0, problem.slots[b]), apart.state_BHKV[b]));
      }
      for (const int64_t slot : {1, 2}) EXPECT_TRUE(same_bits(pool[slot], before[slot]));
    }
  }
}

TEST(RecurrentForms, SlotsThatDoNotFitAreNamed) {
  auto problem = random_problem(RecurrentOp::GatedDelta, small_shape, {2, 3}, at::kFloat, 8);
  const auto error = [&](std::vector<int32_t> slots) {
    problem.slots = std::move(slots);
    return ::hylo::tests::error_of([&] { problem.run(RecurrentForm::Stepwise); });
  };
  EXPECT_THAT(error({0}), ::testing::HasSubstr("gated_delta: 1 slots for 2 sequences"));
  EXPECT_THAT(error({0, 2}), ::testing::HasSubstr("slot 2 of a pool of 2"));
  EXPECT_THAT(error({1, 1}), ::testing::HasSubstr("two sequences of one call have slot 1"));
  problem.tensors[1].set_requires_grad(true);
  EXPECT_THAT(error({0, 1}), ::testing::HasSubstr("states in a pool have no gradient"));
  problem.tensors[1].set_requires_grad(false);
  problem.tensors[4] = at::Tensor();
  EXPECT_THAT(error({0, 1}), ::testing::HasSubstr("no contiguous pool"));
}

TEST(RecurrentForms, SequencesThatShareARowAreNamed) {
  auto problem = random_problem(RecurrentOp::Scan, small_shape, {2, 3}, at::kFloat, 8);
  problem.sequences = {{0, 2}, {1, 3}};
  EXPECT_THAT(::hylo::tests::error_of([&] { problem.run(RecurrentForm::Chunked); }),
              ::testing::HasSubstr("selective_scan: two sequences share row 1"));
  problem.sequences = {{0, 2}, {1, 0}};  // One without rows shares none.
  EXPECT_NO_THROW(problem.run(RecurrentForm::Chunked));
}

TEST(RecurrentForms, ACallWithoutRowsOrWithoutSequencesHandsTheStatesOn) {
  for (const auto op : recurrent_ops) {
    for (const auto form : {RecurrentForm::Chunked, RecurrentForm::Stepwise}) {
      const auto empty = random_problem(op, small_shape, {0}, at::kFloat, 17);
      EXPECT_TRUE(same_bits(empty.run(form).state_BHKV, empty.tensors[4]));
      const auto none = random_problem(op, small_shape, {}, at::kFloat, 18);
      EXPECT_EQ(none.run(form).state_BHKV.size(0), 0);
    }
  }
}

}  // namespace
}  // namespace hylo::kernels::tests
