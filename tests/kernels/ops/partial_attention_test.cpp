// Attention over slices of the keys that are merged: against the whole, and what a row may depend
// on.
#include "kernels/ops/partial_attention.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/ops/attention.h"
#include "kernels/reference/attention.h"
#include "tests/kernels/ops/tensors.h"
#include "tests/support/test_data.h"

namespace hylo::kernels::tests {
namespace {

using ::hylo::tests::error_of;
using ::testing::HasSubstr;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Queries behind `num_past` tokens, over two key/value heads.
struct Sequence {
  at::Tensor q_NHK, keys_SGK, values_SGV;
  int64_t num_past = 0;

  /// Row `row` with everything before it as its past.
  [[nodiscard]] Sequence alone(int64_t row) const {
    const int64_t past = num_past + row;
    return {q_NHK.narrow(0, row, 1), keys_SGK.narrow(0, 0, past + 1),
            values_SGV.narrow(0, 0, past + 1), past};
  }
};

Sequence random_sequence(int64_t num_past, int64_t num_rows, at::ScalarType type) {
  const int64_t tokens = num_past + num_rows;
  return {random_tensor({num_rows, 6, 10}, type, 1), random_tensor({tokens, 2, 10}, type, 2),
          random_tensor({tokens, 2, 7}, type, 3), num_past};
}

at::Tensor whole_by(at::Tensor (*attend)(const AttentionIn&), const Sequence& s, double scale) {
  const int32_t only_page = 0;
  const PagedRows all{0, s.q_NHK.size(0), s.num_past, {&only_page, 1}};
  return attend({.q_NHK = s.q_NHK,
                 .keys_PSGK = s.keys_SGK.unsqueeze(0),
                 .values_PSGV = s.values_SGV.unsqueeze(0),
                 .sequences = {&all, 1},
                 .scale = scale});
}

/// Over slices of the keys that begin at `cuts`, merged; cuts behind the last token are left out.
at::Tensor in_slices(const Sequence& s, const std::vector<int64_t>& cuts, double scale) {
  PartialAttention whole;
  const int64_t num_tokens = s.keys_SGK.size(0), num_rows = s.q_NHK.size(0);
  for (size_t i = 0; i < cuts.size() && cuts[i] < num_tokens; ++i) {
    const int64_t begin = cuts[i];
    const int64_t end = i + 1 < cuts.size() ? std::min(cuts[i + 1], num_tokens) : num_tokens;
    const int64_t unseeing = std::max<int64_t>(0, begin - s.num_past);
    const auto part = partial_attention({.q_NHK = s.q_NHK.narrow(0, unseeing, num_rows - unseeing),
                                         .keys_SGK = s.keys_SGK.narrow(0, begin, end - begin),
                                         .values_SGV = s.values_SGV.narrow(0, begin, end - begin),
                                         .num_past = s.num_past + unseeing - begin,
                                         .scale = scale});
    i == 0 ? void(whole = part) : merge_into(whole, part);
  }
  return whole.out_NHV;
}

// Scores ln 3 and 0: exp gives 3 and 1, of which the logarithm of the sum is ln 4.
TEST(PartialAttention, TwoKeysAreWeighedAsByHand) {
  const auto part =
      partial_attention({tensor_of({1}, {1, 1, 1}), tensor_of({std::log(3.0), 0}, {2, 1, 1}),
                         tensor_of({8, 4}, {2, 1, 1}), 1});
  EXPECT_FLOAT_EQ(part.out_NHV.item<float>(), 7);
  EXPECT_FLOAT_EQ(part.log_sum_NH.item<float>(), std::log(4.0F));
}

TEST(PartialAttention, SlicesThatAreMergedAreTheWhole) {
  for (const auto type : float_types) {
    const auto sequence = random_sequence(90, 75, type);
    const auto expected = whole_by(reference::attention, sequence, 0.3);
    // Sums of 165 terms; the parts are not rounded to bfloat16, so the scores alone are of it.
    const double tolerance = type == at::kDouble ? 1e-13 : 3e-6;
    for (const std::vector<int64_t>& cuts :
         {std::vector<int64_t>{0}, {0, 64, 128}, {0, 1, 90, 91, 164}}) {
      EXPECT_LE(max_difference(in_slices(sequence, cuts, 0.3), expected), tolerance)
          << c10::toString(type) << ", " << cuts.size() << " slices";
    }
  }
}

TEST(PartialAttention, OneSliceIsTheCallItselfBeforeItRounds) {
  for (const auto type : float_types) {
    const auto sequence = random_sequence(90, 75, type);
    EXPECT_TRUE(
        same_bits(in_slices(sequence, {0}, 0.3).to(type), whole_by(attention, sequence, 0.3)));
  }
}

TEST(PartialAttention, ARowsBitsDoNotDependOnItsNeighbours) {
  const auto sequence = random_sequence(30, 140, at::kFloat);
  const std::vector<int64_t> cuts{0, 64, 128};
  const auto all = in_slices(sequence, cuts, 0.5);
  for (const int64_t row : {0, 33, 34, 98, 139}) {
    EXPECT_TRUE(same_bits(in_slices(sequence.alone(row), cuts, 0.5), all.narrow(0, row, 1))) << row;
  }
}

TEST(PartialAttention, ASliceOfScoresOfMinusInfinityWeighsNothing) {
  const Sequence sequence{tensor_of({1}, {1, 1, 1}), tensor_of({0, -infinity}, {2, 1, 1}),
                          tensor_of({8, 4}, {2, 1, 1}), 1};
  EXPECT_FLOAT_EQ(in_slices(sequence, {0, 1}, 1).item<float>(), 8);
}

TEST(PartialAttention, WhatCannotBeIsRefused) {
  const auto s = random_sequence(3, 2, at::kFloat);
  const auto refusal = [](const PartialAttentionIn& in) {
    return error_of([&] { (void)partial_attention(in); });
  };
  EXPECT_THAT(refusal({s.q_NHK, s.keys_SGK.narrow(0, 0, 0), s.values_SGV.narrow(0, 0, 0), 3}),
              HasSubstr("0 keys behind 3 tokens"));
  EXPECT_THAT(refusal({s.q_NHK, s.keys_SGK, s.values_SGV.narrow(0, 0, 4), 3}),
              HasSubstr("must agree in width and heads"));
  const auto part = partial_attention({s.q_NHK, s.keys_SGK, s.values_SGV, 3});
  const PartialAttention one{part.out_NHV.narrow(0, 0, 1), part.log_sum_NH.narrow(0, 0, 1)};
  EXPECT_THAT(error_of([&] { merge_into(one, part); }), HasSubstr("no more rows"));
}

}  // namespace
}  // namespace hylo::kernels::tests
