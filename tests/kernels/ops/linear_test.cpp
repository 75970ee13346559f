// Products: by hand, against float64, and what a row may depend on.
#include "kernels/ops/linear.h"

#include <ATen/ops/matmul.h>
#include <gmock/gmock.h>

#include "tests/kernels/ops/tensors.h"
#include "tests/support/test_data.h"

namespace hylo::kernels::tests {
namespace {

using ::hylo::tests::error_of;
using ::testing::HasSubstr;

struct Widths {
  int64_t in, out;
  bool bias;
};
/// Odd widths put rows at odd addresses.
constexpr std::initializer_list<Widths> widths{{1, 1, false},  {6, 5, true},   {7, 7, false},
                                               {7, 9, true},   {33, 6, false}, {33, 33, true},
                                               {64, 96, true}, {129, 3, false}};

LinearIn random_in(const Widths& w, int64_t rows, at::ScalarType type, RowGroups groups) {
  return {random_tensor({rows, w.in}, type, 1), random_tensor({w.out, w.in}, type, 2),
          w.bias ? random_tensor({w.out}, type, 3) : at::Tensor(), groups};
}

at::Tensor in_float64(const LinearIn& in) {
  auto out = at::matmul(in.x_NI.to(at::kDouble), in.weight_OI.to(at::kDouble).t());
  return in.bias_O.defined() ? out + in.bias_O.to(at::kDouble) : out;
}

// [1, 2] times rows [3, 4] and [5, 6], plus 10 and 20: 11 + 10 and 17 + 20.
TEST(Linear, AProductWorkedByHand) {
  for (const auto groups : {RowGroups::Free, RowGroups::Fixed}) {
    const auto out = linear({tensor_of({1, 2}, {1, 2}), tensor_of({3, 4, 5, 6}, {2, 2}),
                             tensor_of({10, 20}, {2}), groups});
    EXPECT_EQ(out[0][0].item<float>(), 21);
    EXPECT_EQ(out[0][1].item<float>(), 37);
  }
}

TEST(Linear, BothGroupingsAgreeWithFloat64) {
  for (const auto type : float_types) {
    for (const auto& w : widths) {
      for (const auto groups : {RowGroups::Free, RowGroups::Fixed}) {
        const auto in = random_in(w, 37, type, groups);
        // Sums of up to 129 products of normal numbers, rounded at the end.
        const double tolerance = 40 * rounding_of(type) * std::sqrt(static_cast<double>(w.in));
        EXPECT_LE(max_difference(linear(in), in_float64(in)), tolerance) << w.in << " to " << w.out;
      }
    }
  }
}

TEST(Linear, InFixedGroupsARowsBitsDependOnItAlone) {
  for (const auto type : float_types) {
    for (const auto& w : widths) {
      auto in = random_in(w, 70, type, RowGroups::Fixed);
      const auto all = linear(in);
      const auto x = in.x_NI;
      for (const int64_t row : {0, 1, 31, 32, 45, 69}) {
        in.x_NI = x.narrow(0, row, 1);
        EXPECT_TRUE(same_bits(linear(in), all.narrow(0, row, 1)))
            << c10::toString(type) << ", " << w.in << " to " << w.out << ", row " << row;
      }
      for (const int64_t begin : {1, 5, 33}) {  // the same rows at other places
        in.x_NI = x.narrow(0, begin, 70 - begin);
        EXPECT_TRUE(same_bits(linear(in), all.narrow(0, begin, 70 - begin)))
            << c10::toString(type) << ", " << w.in << " to " << w.out << ", from " << begin;
      }
    }
  }
}

TEST(Linear, NoRowsGiveNoRows) {
  for (const auto groups : {RowGroups::Free, RowGroups::Fixed}) {
    EXPECT_EQ(linear(random_in({7, 9, true}, 0, at::kFloat, groups)).sizes(),
              (std::vector<int64_t>{0, 9}));
  }
}

TEST(Linear, ANanStaysInItsRow) {
  auto in = random_in({33, 6, true}, 5, at::kFloat, RowGroups::Fixed);
  const auto expected = linear(in);
  in.x_NI.select(0, 2).fill_(std::numeric_limits<double>::quiet_NaN());
  const auto out = linear(in);
  EXPECT_NE(out[2][0].item<float>(), out[2][0].item<float>());
  for (const int64_t row : {0, 1, 3, 4}) {
    EXPECT_TRUE(same_bits(out.select(0, row), expected.select(0, row)));
  }
}

TEST(Linear, MistakesAreToldWithTheirShapes) {
  const auto x = random_tensor({2, 3}, at::kFloat, 1);
  EXPECT_THAT(error_of([&] {
                linear({x, random_tensor({4, 5}, at::kFloat, 1), {}});
              }),
              HasSubstr("x [2, 3] and weight [4, 5] must agree"));
  EXPECT_THAT(error_of([&] {
                linear({x, random_tensor({4, 3}, at::kDouble, 1), {}});
              }),
              HasSubstr("x is float32, weight is float64"));
  EXPECT_THAT(
      error_of([&] {
        linear({x, random_tensor({4, 3}, at::kFloat, 1), random_tensor({3}, at::kFloat, 1)});
      }),
      HasSubstr("weight [4, 3] and bias [3]"));
}

}  // namespace
}  // namespace hylo::kernels::tests
