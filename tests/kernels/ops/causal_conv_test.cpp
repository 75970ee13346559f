// Short convolutions: by hand, cut into calls, packed, and the differentiable form against the
// plain one.
#include "kernels/ops/causal_conv.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include "tests/kernels/ops/gradient_check.h"
#include "tests/kernels/ops/tensors.h"
#include "tests/support/test_data.h"

namespace hylo::kernels::tests {
namespace {

using ::hylo::tests::error_of;
using ::testing::HasSubstr;

/// Sums of four products in float32.
constexpr double float32_tolerance = 2e-6;

CausalConvIn plain(const at::Tensor& x_ND, const at::Tensor& weight_DC,
                   std::span<const RowRange> sequences) {
  return {.x_ND = x_ND,
          .weight_DC = weight_DC,
          .bias_D = {},
          .tail_BCD = {},
          .sequences = sequences,
          .activation = ConvActivation::None};
}

// Taps 1, 10, 100 of the inputs 1, 2, 3: 100, then 210, then 321.
TEST(CausalConv, ThreeTokensWorkedByHand) {
  const RowRange all{0, 3};
  const auto out =
      causal_conv(plain(tensor_of({1, 2, 3}, {3, 1}), tensor_of({1, 10, 100}, {1, 3}), {&all, 1}));
  EXPECT_TRUE(same_bits(out.out_ND, tensor_of({100, 210, 321}, {3, 1})));
  EXPECT_TRUE(same_bits(out.tail_BCD, tensor_of({2, 3}, {1, 2, 1})));
}

TEST(CausalConv, CutIntoCallsThatPassTheTailOnNoBitChanges) {
  for (const auto type : float_types) {
    const auto x = random_tensor({11, 21}, type, 1), weight = random_tensor({21, 4}, type, 2);
    auto in = plain(x, weight, {});
    in.bias_D = random_tensor({21}, type, 3);
    in.activation = ConvActivation::Silu;
    const RowRange all{0, 11};
    in.sequences = {&all, 1};
    const auto whole = causal_conv(in);
    for (const auto& cuts : {std::vector<int64_t>{1, 1, 1, 8}, {2, 9}, {3, 3, 5}, {10, 1}}) {
      std::vector<at::Tensor> parts;
      at::Tensor tail;
      int64_t first = 0;
      for (const int64_t rows : cuts) {
        auto part = in;
        part.x_ND = x.narrow(0, first, rows);
        part.tail_BCD = tail;
        const RowRange range{0, rows};
        part.sequences = {&range, 1};
        const auto out = causal_conv(part);
        parts.push_back(out.out_ND);
        tail = out.tail_BCD;
        first += rows;
      }
      EXPECT_TRUE(same_bits(at::cat(parts), whole.out_ND));
      EXPECT_TRUE(same_bits(tail, whole.tail_BCD));
    }
  }
}

TEST(CausalConv, PackedSequencesDoNotSeeEachOther) {
  const auto x = random_tensor({9, 5}, at::kFloat, 1),
             weight = random_tensor({5, 4}, at::kFloat, 2);
  const std::vector<RowRange> both{{0, 2}, {2, 7}};
  const auto packed = causal_conv(plain(x, weight, both));
  for (const auto& rows : both) {
    const RowRange alone{0, rows.num_rows};
    const auto out =
        causal_conv(plain(x.narrow(0, rows.first_row, rows.num_rows), weight, {&alone, 1}));
    EXPECT_TRUE(same_bits(packed.out_ND.narrow(0, rows.first_row, rows.num_rows), out.out_ND));
  }
}

TEST(CausalConv, TheDifferentiableFormAgreesAlsoWhereRowsBelongToNoSequence) {
  const auto x = random_tensor({12, 5}, at::kFloat, 1),
             weight = random_tensor({5, 4}, at::kFloat, 2);
  const std::vector<RowRange> with_gaps{{1, 2}, {4, 7}};
  auto in = plain(x, weight, with_gaps);
  in.tail_BCD = random_tensor({2, 3, 5}, at::kFloat, 3);
  const auto quick = causal_conv(in);
  in.x_ND = x.clone().set_requires_grad(true);
  const auto recorded = causal_conv(in);
  EXPECT_TRUE(recorded.out_ND.requires_grad());
  EXPECT_TRUE(same_bits(recorded.out_ND.detach(), quick.out_ND));
  EXPECT_TRUE(same_bits(recorded.tail_BCD.detach(), quick.tail_BCD));
  in.tail_BCD = in.tail_BCD.transpose(1, 2).contiguous().transpose(1, 2);  // channels lie apart
  EXPECT_TRUE(same_bits(causal_conv(in).out_ND.detach(), quick.out_ND));
  for (const int64_t of_nobody : {0, 3, 11}) {
    EXPECT_EQ(quick.out_ND[of_nobody].abs().sum().item<float>(), 0);
  }
}

// Products that are rounded before they are added would differ in the last bit.
TEST(CausalConv, WhatIsTrainedThroughHasTheBitsOfInference) {
  for (const auto type : float_types) {
    auto in = plain(random_tensor({300, 21}, type, 1), random_tensor({21, 4}, type, 2), {});
    in.bias_D = random_tensor({21}, type, 3);
    in.tail_BCD = random_tensor({2, 3, 21}, type, 4);
    in.activation = ConvActivation::Silu;
    const std::vector<RowRange> sequences{{0, 2}, {5, 290}};
    in.sequences = sequences;
    const auto plainly = causal_conv(in);
    in.x_ND = in.x_ND.clone().requires_grad_(true);
    const auto trained = causal_conv(in);
    EXPECT_TRUE(trained.out_ND.requires_grad());
    EXPECT_TRUE(same_bits(trained.out_ND, plainly.out_ND)) << c10::toString(type);
    EXPECT_TRUE(same_bits(trained.tail_BCD, plainly.tail_BCD)) << c10::toString(type);
  }
}

TEST(CausalConv, RowsOfNoSequenceAreZeroWhateverTheBias) {
  const RowRange middle{1, 2};
  auto in = plain(random_tensor({4, 5}, at::kFloat, 1).set_requires_grad(true),
                  random_tensor({5, 4}, at::kFloat, 2), {&middle, 1});
  in.bias_D = random_tensor({5}, at::kFloat, 3);
  in.activation = ConvActivation::Silu;
  const auto out_ND = causal_conv(in).out_ND;
  EXPECT_EQ(out_ND[0].abs().sum().item<float>(), 0);
  EXPECT_EQ(out_ND[3].abs().sum().item<float>(), 0);
}

/// Shorter than the taps, of no rows, and longer than the pieces of the backward pass; rows of
/// nobody between them.
const std::vector<RowRange> awkward_sequences{{1, 2}, {3, 0}, {4, 1}, {6, 261}};
constexpr int64_t awkward_rows = 268;

/// A sum that weighs every element of outputs and tails otherwise.
at::Tensor weighed(const CausalConvOut& out) {
  const auto sum = [](const at::Tensor& x, uint64_t seed) {
    return (x * random_tensor(x.sizes(), at::kDouble, seed)).sum();
  };
  return sum(out.out_ND, 11) + sum(out.tail_BCD, 12);
}

constexpr double gradient_tolerance = 1e-7;  // Differences of a step of 1e-6 or so.

TEST(CausalConv, GradientsAreFiniteDifferences) {
  for (const auto activation : {ConvActivation::None, ConvActivation::Silu}) {
    const auto of = [&](const std::vector<at::Tensor>& in) {
      return weighed(causal_conv({in[0], in[1], in[2], in[3], awkward_sequences, activation}));
    };
    EXPECT_LE(worst_gradient_error(
                  of, {random_tensor({awkward_rows, 2}, at::kDouble, 1),
                       random_tensor({2, 4}, at::kDouble, 2), random_tensor({2}, at::kDouble, 3),
                       random_tensor({4, 3, 2}, at::kDouble, 4)}),
              gradient_tolerance);
  }
}

TEST(CausalConv, AChannelsGradientsDoNotDependOnItsNeighbours) {
  constexpr int64_t channels = 37;
  const std::vector<at::Tensor> in{random_tensor({awkward_rows, channels}, at::kFloat, 1),
                                   random_tensor({channels, 4}, at::kFloat, 2),
                                   random_tensor({channels}, at::kFloat, 3)};
  const auto of = [&](const auto& t) {
    return causal_conv({t[0], t[1], t[2], {}, awkward_sequences}).out_ND.sum();
  };
  const auto all = gradients_of(of, in);
  for (const int64_t d : {0, 7, 16, 36}) {
    const auto one = gradients_of(
        of, {in[0].narrow(1, d, 1).contiguous(), in[1].narrow(0, d, 1), in[2].narrow(0, d, 1)});
    EXPECT_TRUE(same_bits(one[0], all[0].narrow(1, d, 1).contiguous()));
    EXPECT_TRUE(same_bits(one[1], all[1].narrow(0, d, 1)));
    EXPECT_TRUE(same_bits(one[2], all[2].narrow(0, d, 1)));
  }
}

TEST(CausalConv, WithoutABiasTheOtherGradientsAreTheSame) {
  std::vector<at::Tensor> in{random_tensor({9, 3}, at::kDouble, 1),
                             random_tensor({3, 4}, at::kDouble, 2),
                             random_tensor({1, 3, 3}, at::kDouble, 3)};
  const RowRange all{0, 9};
  const auto with = gradients_of(
      [&](const auto& t) {
        return weighed(causal_conv({t[0], t[1], at::zeros({3}, at::kDouble), t[2], {&all, 1}}));
      },
      in);
  const auto without = gradients_of(
      [&](const auto& t) {
        return weighed(causal_conv({t[0], t[1], {}, t[2], {&all, 1}}));
      },
      in);
  for (size_t i = 0; i < in.size(); ++i) EXPECT_TRUE(same_bits(with[i], without[i])) << i;
}

TEST(CausalConv, OfOneTapHasGradientsToo) {
  const RowRange all{0, 5};
  const auto of = [&](const std::vector<at::Tensor>& in) {
    return weighed(causal_conv({in[0], in[1], {}, {}, {&all, 1}}));
  };
  EXPECT_LE(worst_gradient_error(
                of, {random_tensor({5, 2}, at::kDouble, 1), random_tensor({2, 1}, at::kDouble, 2)}),
            gradient_tolerance);
}

TEST(DynamicConv, GradientsAreFiniteDifferences) {
  const auto of = [&](const std::vector<at::Tensor>& in) {
    return weighed(dynamic_conv({in[0], in[1], in[2], awkward_sequences}));
  };
  EXPECT_LE(worst_gradient_error(of, {random_tensor({awkward_rows, 2}, at::kDouble, 1),
                                      random_tensor({awkward_rows, 2, 4}, at::kDouble, 2),
                                      random_tensor({4, 3, 2}, at::kDouble, 3)}),
            gradient_tolerance);
}

TEST(DynamicConv, WithTheSameTapsForEveryTokenItIsTheOther) {
  for (const auto type : float_types) {
    const auto x = random_tensor({9, 5}, type, 1), weight = random_tensor({5, 4}, type, 2);
    const std::vector<RowRange> both{{0, 2}, {2, 7}};
    const auto expected = causal_conv(plain(x, weight, both));
    DynamicConvIn in{.x_ND = x,
                     .weight_NDC = weight.unsqueeze(0).expand({9, 5, 4}).contiguous(),
                     .tail_BCD = {},
                     .sequences = both,
                     .activation = ConvActivation::None};
    EXPECT_TRUE(same_bits(dynamic_conv(in).out_ND, expected.out_ND));
    EXPECT_TRUE(same_bits(dynamic_conv(in).tail_BCD, expected.tail_BCD));
    in.x_ND = x.clone().set_requires_grad(true);
    EXPECT_LE(max_difference(dynamic_conv(in).out_ND.detach(), expected.out_ND),
              4 * rounding_of(type) * 10);
  }
}

/// Columns of a wider pool, as those of three convolutions that lie side by side.
TEST(CausalConv, TailsInAPoolMoveOnInPlaceAndTheOthersStay) {
  for (const auto type : float_types) {
    const auto x = random_tensor({9, 5}, type, 1), weight = random_tensor({5, 4}, type, 2);
    const std::vector<RowRange> rows{{0, 1}, {1, 6}, {7, 2}};
    const std::vector<int32_t> slots{3, 0, 1};
    const auto pool = random_tensor({4, 3, 11}, type, 3), before = pool.clone();
    const auto columns = pool.narrow(2, 4, 5);
    auto in = plain(x, weight, rows);
    in.tail_BCD = at::stack({columns[3], columns[0], columns[1]});
    const auto apart = causal_conv(in);
    in.tail_BCD = columns;
    in.slots = slots;
    const auto in_pool = causal_conv(in);
    EXPECT_TRUE(same_bits(in_pool.out_ND, apart.out_ND));
    for (int64_t b = 0; b < 3; ++b) EXPECT_TRUE(same_bits(columns[slots[b]], apart.tail_BCD[b]));
    EXPECT_TRUE(same_bits(pool[2], before[2]));
    EXPECT_TRUE(same_bits(pool.narrow(2, 0, 4), before.narrow(2, 0, 4)));
    EXPECT_TRUE(same_bits(pool.narrow(2, 9, 2), before.narrow(2, 9, 2)));
  }
}

TEST(CausalConv, WhatDoesNotFitIsNamed) {
  const RowRange all{0, 3};
  const auto x = random_tensor({3, 2}, at::kFloat, 1);
  EXPECT_THAT(error_of([&] {
                (void)causal_conv(plain(x, random_tensor({3, 4}, at::kFloat, 1), {&all, 1}));
              }),
              HasSubstr("x float32 [3, 2] and weight float32 [3, 4]"));
  auto in = plain(x, random_tensor({2, 4}, at::kFloat, 1), {&all, 1});
  in.tail_BCD = random_tensor({1, 4, 2}, at::kFloat, 1);
  EXPECT_THAT(error_of([&] { (void)causal_conv(in); }), HasSubstr("tail float32 [1, 4, 2]"));
  const std::vector<RowRange> sharing{{1, 2}, {0, 2}};
  EXPECT_THAT(error_of([&] {
                (void)causal_conv(plain(x, random_tensor({2, 4}, at::kFloat, 1), sharing));
              }),
              HasSubstr("causal_conv: two sequences share row 1, one has rows [0, 2), the other "
                        "[1, 3)"));
}

}  // namespace
}  // namespace hylo::kernels::tests
