// Norms with a gate, and unit vectors.
#include "kernels/ops/gated_norm.h"

#include <gmock/gmock.h>

#include <cmath>

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
        EXPECT_LE(max_difference(gated_norm(in).detach(), quick), 1e-13);
      }
    }
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
