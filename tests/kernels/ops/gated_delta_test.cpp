// The gated delta rule by hand, what it stores and forgets, and what it refuses.
#include "kernels/ops/gated_delta.h"

#include <ATen/ops/eye.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include "kernels/reference/gated_delta.h"
#include "tests/kernels/ops/tensors.h"
#include "tests/support/test_data.h"

namespace hylo::kernels::tests {
namespace {

using ::hylo::tests::error_of;
using ::testing::HasSubstr;

constexpr auto forms = {RecurrentForm::Chunked, RecurrentForm::Stepwise};

/// One head of width 1; decays as factors.
GatedDeltaIn narrow_call(std::vector<double> keys, std::vector<double> values,
                         const std::vector<double>& decays, std::vector<double> betas,
                         std::span<const RowRange> sequences) {
  const auto rows = static_cast<int64_t>(keys.size());
  return {.q_NHK = at::ones({rows, 1, 1}),
          .k_NHK = tensor_of(std::move(keys), {rows, 1, 1}),
          .v_NHV = tensor_of(std::move(values), {rows, 1, 1}),
          .log_decay_NH = tensor_of(decays, {rows, 1}).log(),
          .beta_NH = tensor_of(std::move(betas), {rows, 1}),
          .state_BHKV = {},
          .sequences = sequences};
}

// S = 0.5 * 0 + 0.5 * (2 - 0) = 1, then S = 0.5 * 1 + 1 * (3 - 0.5) = 3.
TEST(GatedDelta, EveryFormAgreesWithTwoTokensWorkedByHand) {
  const std::vector<RowRange> rows{{0, 2}};
  auto in = narrow_call({1, 1}, {2, 3}, {0.5, 0.5}, {0.5, 1}, rows);
  const auto expected = tensor_of({1, 3}, {2, 1, 1});
  EXPECT_LE(max_difference(reference::gated_delta(in).out_NHV, expected), 1e-7);
  for (const auto form : forms) {
    in.form = form;
    const auto out = gated_delta(in);
    EXPECT_LE(max_difference(out.out_NHV, expected), 1e-6);
    EXPECT_LE(max_difference(out.state_BHKV, tensor_of({3}, {1, 1, 1, 1})), 1e-6);
  }
}

// From S = 4 by halves: 2, 1, 0.5.
TEST(GatedDelta, WithBeta0NothingIsWrittenTheStateOnlyDecays) {
  const std::vector<RowRange> rows{{0, 3}};
  auto in = narrow_call({1, 1, 1}, {9, 9, 9}, {0.5, 0.5, 0.5}, {0, 0, 0}, rows);
  in.state_BHKV = tensor_of({4}, {1, 1, 1, 1});
  for (const auto form : forms) {
    in.form = form;
    EXPECT_LE(max_difference(gated_delta(in).out_NHV, tensor_of({2, 1, 0.5}, {3, 1, 1})), 1e-6);
  }
}

// S = 1 * (5 - 0), and then 5 + 2 * (1 - 5) = -3: a beta of 2 reflects.
TEST(GatedDelta, ABetaOf2WritesTheMirrorImageOfTheError) {
  const std::vector<RowRange> rows{{0, 2}};
  auto in = narrow_call({1, 1}, {5, 1}, {1, 1}, {1, 2}, rows);
  for (const auto form : forms) {
    in.form = form;
    EXPECT_LE(max_difference(gated_delta(in).out_NHV, tensor_of({5, -3}, {2, 1, 1})), 1e-6);
  }
}

TEST(GatedDelta, OrthonormalKeysAreStoredRecalledAndOverwritten) {
  constexpr int64_t num_keys = 80;  // more than a chunk
  const auto values = random_tensor({2 * num_keys, 1, 3}, at::kFloat, 1);
  const auto keys = at::eye(num_keys).unsqueeze(1).repeat({2, 1, 1});
  const std::vector<RowRange> rows{{0, 2 * num_keys}};
  for (const auto form : forms) {
    const auto out = gated_delta({.q_NHK = keys,
                                  .k_NHK = keys,
                                  .v_NHV = values,
                                  .log_decay_NH = at::zeros({2 * num_keys, 1}),
                                  .beta_NH = at::ones({2 * num_keys, 1}),
                                  .state_BHKV = {},
                                  .sequences = rows,
                                  .form = form});
    EXPECT_LE(max_difference(out.out_NHV, values), 1e-6);
    EXPECT_LE(max_difference(out.state_BHKV[0][0], values.narrow(0, num_keys, num_keys).squeeze(1)),
              1e-6);
  }
}

TEST(GatedDelta, TheScaleMultipliesWhatIsReadAndNotWhatIsStored) {
  const std::vector<RowRange> rows{{0, 2}};
  auto in = narrow_call({1, 1}, {2, 3}, {0.5, 0.5}, {0.5, 1}, rows);
  in.scale = 10;
  for (const auto form : forms) {
    in.form = form;
    const auto out = gated_delta(in);
    EXPECT_LE(max_difference(out.out_NHV, tensor_of({10, 30}, {2, 1, 1})), 1e-5);
    EXPECT_LE(max_difference(out.state_BHKV, tensor_of({3}, {1, 1, 1, 1})), 1e-6);
  }
}

class GatedDeltaErrors : public ::testing::Test {
 protected:
  GatedDeltaErrors() : rows_{{0, 4}} {
    in_ = {.q_NHK = at::ones({4, 2, 3}),
           .k_NHK = at::ones({4, 2, 3}),
           .v_NHV = at::ones({4, 6, 5}),
           .log_decay_NH = at::zeros({4, 6}),
           .beta_NH = at::ones({4, 6}),
           .state_BHKV = at::zeros({1, 6, 3, 5}),
           .sequences = rows_};
  }
  std::string error() const {
    return error_of([&] { (void)gated_delta(in_); });
  }
  std::vector<RowRange> rows_;
  GatedDeltaIn in_;
};

TEST_F(GatedDeltaErrors, NameBothTensors) {
  EXPECT_NO_THROW((void)gated_delta(in_));
  in_.k_NHK = at::ones({4, 2, 4});
  EXPECT_THAT(error(), AllOf(HasSubstr("q [4, 2, 3]"), HasSubstr("k [4, 2, 4]")));
  in_.k_NHK = in_.q_NHK = at::ones({4, 4, 3});
  EXPECT_THAT(error(), AllOf(HasSubstr("v [4, 6, 5]"), HasSubstr("k [4, 4, 3]")));
}

TEST_F(GatedDeltaErrors, NameDecaysBetasAndStatesOfOtherShapes) {
  in_.log_decay_NH = at::zeros({4, 2});
  EXPECT_THAT(error(), AllOf(HasSubstr("log_decay [4, 2]"), HasSubstr("v [4, 6, 5]")));
  in_.log_decay_NH = at::zeros({4, 6, 3});
  EXPECT_NO_THROW((void)gated_delta(in_));
  in_.beta_NH = at::ones({4, 2});
  EXPECT_THAT(error(), AllOf(HasSubstr("beta [4, 2]"), HasSubstr("v [4, 6, 5]")));
  in_.beta_NH = at::Tensor();
  EXPECT_THAT(error(), HasSubstr("beta [undefined]"));
  in_.beta_NH = at::ones({4, 6});
  in_.state_BHKV = at::zeros({1, 6, 5, 3});
  EXPECT_THAT(error(), AllOf(HasSubstr("state [1, 6, 5, 3]"), HasSubstr("[1, 6, 3, 5]")));
}

TEST_F(GatedDeltaErrors, NameTypes) {
  in_.v_NHV = in_.v_NHV.to(at::kDouble);
  EXPECT_THAT(error(), AllOf(HasSubstr("q float32"), HasSubstr("v float64")));
  in_.v_NHV = in_.v_NHV.to(at::kFloat);
  in_.log_decay_NH = in_.log_decay_NH.to(at::kBFloat16);
  EXPECT_THAT(error(), HasSubstr("log_decay must be float32"));
}

TEST_F(GatedDeltaErrors, NameRowsBeyondTheTensors) {
  rows_[0] = {2, 3};
  EXPECT_THAT(error(), HasSubstr("rows [2, 5) of 4"));
}

TEST_F(GatedDeltaErrors, RefuseAGradientOfTheStepwiseForm) {
  in_.form = RecurrentForm::Stepwise;
  in_.beta_NH.requires_grad_(true);
  EXPECT_THAT(error(), HasSubstr("ask for the chunked form"));
}

}  // namespace
}  // namespace hylo::kernels::tests
