// The selective scan by hand, its special cases, and what it refuses.
#include "kernels/ops/selective_scan.h"

#include <ATen/ops/cumsum.h>
#include <ATen/ops/einsum.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include "kernels/reference/selective_scan.h"
#include "tests/kernels/ops/tensors.h"
#include "tests/support/test_data.h"

namespace hylo::kernels::tests {
namespace {

using ::hylo::tests::error_of;
using ::testing::HasSubstr;

constexpr auto forms = {RecurrentForm::Chunked, RecurrentForm::Stepwise};

// S = 0.5 * 4 + 2 * 3 = 8, out = 10 * 8; then S = 0.25 * 8 + 1 * 5 = 7, out = 1 * 7.
TEST(SelectiveScan, EveryFormAgreesWithTwoTokensWorkedByHand) {
  const std::vector<RowRange> rows{{0, 2}};
  SelectiveScanIn in{.q_NHK = tensor_of({10, 1}, {2, 1, 1}),
                     .k_NHK = tensor_of({2, 1}, {2, 1, 1}),
                     .v_NHV = tensor_of({3, 5}, {2, 1, 1}),
                     .log_decay_NH = tensor_of({0.5, 0.25}, {2, 1}).log(),
                     .state_BHKV = tensor_of({4}, {1, 1, 1, 1}),
                     .sequences = rows};
  const auto expected = tensor_of({80, 7}, {2, 1, 1});
  EXPECT_LE(max_difference(reference::selective_scan(in).out_NHV, expected), 1e-5);
  for (const auto form : forms) {
    in.form = form;
    const auto out = selective_scan(in);
    EXPECT_LE(max_difference(out.out_NHV, expected), 1e-5);
    EXPECT_LE(max_difference(out.state_BHKV, tensor_of({7}, {1, 1, 1, 1})), 1e-6);
  }
}

TEST(SelectiveScan, WithoutDecayItIsCausalLinearAttention) {
  const int64_t tokens = 150;
  const auto q = random_tensor({tokens, 1, 8}, at::kDouble, 1);
  const auto k = random_tensor({tokens, 1, 8}, at::kDouble, 2);
  const auto v = random_tensor({tokens, 1, 5}, at::kDouble, 3);
  const auto scores = at::einsum("ihk,jhk->ij", {q, k}).tril();
  const auto expected = at::einsum("ij,jhv->ihv", {scores, v});
  const std::vector<RowRange> rows{{0, tokens}};
  for (const auto form : forms) {
    const auto out = selective_scan({.q_NHK = q,
                                     .k_NHK = k,
                                     .v_NHV = v,
                                     .log_decay_NH = at::zeros({tokens, 1}, at::kDouble),
                                     .state_BHKV = {},
                                     .sequences = rows,
                                     .form = form});
    EXPECT_LE(max_difference(out.out_NHV, expected), 1e-11);
  }
}

TEST(SelectiveScan, QueriesAndKeysMayHaveDifferentNumbersOfHeads) {
  const std::vector<RowRange> rows{{0, 70}};
  for (const int64_t query_heads : {1, 2, 6}) {
    for (const int64_t key_heads : {1, 3, 6}) {
      SelectiveScanIn in{.q_NHK = random_tensor({70, query_heads, 4}, at::kDouble, 1),
                         .k_NHK = random_tensor({70, key_heads, 4}, at::kDouble, 2),
                         .v_NHV = random_tensor({70, 6, 3}, at::kDouble, 3),
                         .log_decay_NH = -random_tensor({70, 6}, at::kDouble, 4).abs(),
                         .state_BHKV = {},
                         .sequences = rows};
      const auto expected = reference::selective_scan(in);
      for (const auto form : forms) {
        in.form = form;
        EXPECT_LE(max_difference(selective_scan(in).out_NHV, expected.out_NHV), 1e-12);
      }
    }
  }
}

TEST(SelectiveScan, ErrorsNameBothTensors) {
  const std::vector<RowRange> rows{{0, 4}};
  SelectiveScanIn in{.q_NHK = at::ones({4, 3, 2}),
                     .k_NHK = at::ones({4, 2, 2}),
                     .v_NHV = at::ones({4, 6, 5}),
                     .log_decay_NH = at::zeros({4, 6}),
                     .state_BHKV = {},
                     .sequences = rows};
  const auto error = [&] { return error_of([&] { (void)selective_scan(in); }); };
  EXPECT_NO_THROW((void)selective_scan(in));
  in.q_NHK = at::ones({4, 4, 2});
  EXPECT_THAT(error(), AllOf(HasSubstr("v [4, 6, 5]"), HasSubstr("q [4, 4, 2]")));
  in.q_NHK = at::ones({3, 3, 2});
  EXPECT_THAT(error(), AllOf(HasSubstr("q [3, 3, 2]"), HasSubstr("k [4, 2, 2]")));
  in.q_NHK = at::ones({4, 3, 2});
  in.log_decay_NH = at::zeros({4, 3});
  EXPECT_THAT(error(), AllOf(HasSubstr("log_decay [4, 3]"), HasSubstr("v [4, 6, 5]")));
}

TEST(SelectiveScan, RefusesAGradientOfTheStepwiseForm) {
  const std::vector<RowRange> rows{{0, 4}};
  const auto x = at::ones({4, 1, 2}).requires_grad_(true);
  EXPECT_THAT(error_of([&] {
                (void)selective_scan({.q_NHK = x,
                                      .k_NHK = x,
                                      .v_NHV = x,
                                      .log_decay_NH = at::zeros({4, 1}),
                                      .state_BHKV = {},
                                      .sequences = rows,
                                      .form = RecurrentForm::Stepwise});
              }),
              HasSubstr("ask for the chunked form"));
}

}  // namespace
}  // namespace hylo::kernels::tests
