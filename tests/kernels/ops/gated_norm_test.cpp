// Norms with a gate, and unit vectors.
#include "kernels/ops/gated_norm.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/kernels/ops/gradient_check.h"
#include "tests/kernels/ops/tensors.h"

namespace hylo::kernels::tests {
namespace {

GatedNormIn random_in(int64_t rows, int64_t groups, int64_t group, at::ScalarType type) {
  return {.x_ND = random_tensor({rows, groups * group}, type, 1),
          .gate_ND = random_tensor({rows, groups * group}, type, 2),
          .weight = random_tensor({group}, type, 3),
          .group = group};
}

// The mean square of 3 and 4 is 12.5, with epsilon 3.5 the root is 4; sigmoid(0) is a half.
TEST(GatedNorm, ARowWorkedByHand) {
  const GatedNormIn in{.x_ND = tensor_of({3, 4}, {1, 2}),
                       .gate_ND = tensor_of({0, 0}, {1, 2}),
                       .weight = tensor_of({1, 2}, {2}),
                       .group = 2,
                       .epsilon = 3.5,
                       .activation = GateActivation::Sigmoid};
  const auto out = gated_norm(in);
  EXPECT_FLOAT_EQ(out[0][0].item<float>(), 3.0F / 4 / 2);
  EXPECT_FLOAT_EQ(out[0][1].item<float>(), 1);
}

TEST(GatedNorm, TheDifferentiableFormAgreesInEveryOrderAndActivation) {
  for (const auto order : {GateOrder::NormThenGate, GateOrder::GateThenNorm}) {
    for (const auto activation : {GateActivation::Silu, GateActivation::Sigmoid}) {
      for (const int64_t group : awkward_widths) {
        auto in = random_in(7, 3, group, at::kDouble);
        in.order = order;
        in.activation = activation;
        const auto quick = gated_norm(in);
        in.x_ND = in.x_ND.clone().set_requires_grad(true);
        EXPECT_TRUE(same_bits(gated_norm(in).detach(), quick));
      }
    }
  }
}

/// Every element counts otherwise.
at::Tensor weighed(const at::Tensor& out) {
  return (out * random_tensor(out.sizes(), at::kDouble, 11)).sum();
}

constexpr double gradient_tolerance = 1e-7;  // Differences of a step of 1e-6 or so.

// 130 rows are more than a block of the sums over rows; groups of 5 are no whole vector.
TEST(GatedNorm, GradientsAreFiniteDifferencesInEveryOrderAndActivation) {
  for (const auto order : {GateOrder::NormThenGate, GateOrder::GateThenNorm}) {
    for (const auto activation : {GateActivation::Silu, GateActivation::Sigmoid}) {
      for (const int64_t weights : {5, 10}) {
        const auto of = [&](const std::vector<at::Tensor>& in) {
          return weighed(gated_norm({.x_ND = in[0],
                                     .gate_ND = in[1],
                                     .weight = in[2],
                                     .group = 5,
                                     .order = order,
                                     .activation = activation}));
        };
        EXPECT_LE(worst_gradient_error(of, {random_tensor({130, 10}, at::kDouble, 1),
                                            random_tensor({130, 10}, at::kDouble, 2),
                                            random_tensor({weights}, at::kDouble, 3)}),
                  gradient_tolerance);
      }
    }
  }
}

TEST(L2Norm, GradientsAreFiniteDifferences) {
  for (const int64_t width : {1, 5, 19}) {
    const auto of = [](const std::vector<at::Tensor>& in) { return weighed(l2_norm({in[0]})); };
    EXPECT_LE(worst_gradient_error(of, {random_tensor({3, 2, width}, at::kDouble, 1)}),
              gradient_tolerance)
        << width;
  }
}

TEST(GatedNorm, ANanOfOneGroupStaysInItsGradients) {
  auto in = random_in(3, 2, 5, at::kFloat);
  in.x_ND = in.x_ND.clone();
  in.x_ND[1][2] = std::nanf("");
  in.x_ND.set_requires_grad(true);
  gated_norm(in).sum().backward();
  const auto gradient = in.x_ND.grad();
  EXPECT_TRUE(std::isnan(gradient[1][0].item<float>()));
  for (const auto& [row, group] : {std::pair{0, 0}, {0, 5}, {1, 5}, {2, 0}, {2, 5}}) {
    EXPECT_FALSE(gradient[row].narrow(0, group, 5).isnan().any().item<bool>()) << row << group;
  }
}

TEST(GatedNorm, ARowsBitsDependOnItAlone) {
  for (const auto type : float_types) {
    const auto in = random_in(9, 3, 11, type);
    const auto all = gated_norm(in);
    const auto units = l2_norm({in.x_ND});
    for (int64_t row = 0; row < 9; ++row) {
      auto one = in;
      one.x_ND = in.x_ND.narrow(0, row, 1);
      one.gate_ND = in.gate_ND.narrow(0, row, 1);
      EXPECT_TRUE(same_bits(gated_norm(one), all.narrow(0, row, 1)));
      EXPECT_TRUE(same_bits(l2_norm({one.x_ND}), units.narrow(0, row, 1)));
    }
  }
}

TEST(GatedNorm, InBfloat16RoundsOnceInEitherForm) {
  for (const auto order : {GateOrder::NormThenGate, GateOrder::GateThenNorm}) {
    auto in = random_in(50, 2, 24, at::kBFloat16);
    in.order = order;
    auto wide = in;
    for (auto* tensor : {&wide.x_ND, &wide.gate_ND, &wide.weight})
      *tensor = tensor->to(at::kDouble);
    const auto expected = gated_norm(wide).to(at::kBFloat16);
    // A float32 result in the middle between two of bfloat16 may fall to the other side.
    constexpr int64_t few = 3;
    EXPECT_LE(gated_norm(in).ne(expected).sum().item<int64_t>(), few);
    in.x_ND = in.x_ND.clone().set_requires_grad(true);
    EXPECT_LE(gated_norm(in).ne(expected).sum().item<int64_t>(), few);
  }
}

TEST(L2Norm, AZeroVectorStaysZero) {
  const auto out = l2_norm({tensor_of({0, 0, 3, 4}, {2, 2}), /*epsilon=*/0.0625});
  EXPECT_EQ(out[0].abs().sum().item<float>(), 0);
  EXPECT_FLOAT_EQ(out[1][0].item<float>(), static_cast<float>(3 / std::sqrt(25.0625)));
}

}  // namespace
}  // namespace hylo::kernels::tests
