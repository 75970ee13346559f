// The ops that take one row at a time: norm, rotation, gate, log-likelihood.
#include <ATen/ops/cat.h>
#include <ATen/ops/isnan.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "kernels/reference/log_likelihood.h"
#include "kernels/reference/rms_norm.h"
#include "kernels/reference/rotary.h"
#include "kernels/reference/swiglu.h"
#include "tests/kernels/ops/tensors.h"
#include "tests/support/test_data.h"

namespace hylo::kernels::tests {
namespace {

using ::hylo::tests::error_of;
using ::testing::HasSubstr;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

/// Results are of the order of `size` and rounded a few times on the way.
double tolerance(at::ScalarType type, double size) { return 4 * size * rounding_of(type); }

// Mean square of 3 and 4 is 12.5; weights 1 and 2.
TEST(RmsNorm, ARowWorkedByHand) {
  const auto out = rms_norm({tensor_of({3, 4}, {1, 2}), tensor_of({1, 2}, {2}), /*epsilon=*/3.5});
  EXPECT_FLOAT_EQ(out[0][0].item<float>(), 3.0F / 4);
  EXPECT_FLOAT_EQ(out[0][1].item<float>(), 2.0F);
}

TEST(RmsNorm, EveryWidthAndTypeAgreesWithTheReference) {
  for (const auto type : float_types) {
    for (const int64_t width : awkward_widths) {
      const RmsNormIn in{random_tensor({3, 5, width}, type, 1), random_tensor({width}, type, 2),
                         1e-5};
      EXPECT_LE(max_difference(rms_norm(in), reference::rms_norm(in)), tolerance(type, 10));
    }
  }
}

// The rounding before the weight shows in bfloat16: 1.00390625 becomes 1 before it is multiplied.
TEST(RmsNorm, TheNormalisedValueIsRoundedBeforeTheWeight) {
  const RmsNormIn in{random_tensor({64, 80}, at::kBFloat16, 1),
                     random_tensor({80}, at::kBFloat16, 2), 1e-5};
  const auto x = in.x.to(at::kFloat);
  const auto normed = (x / (x * x).mean(-1, true).add(1e-5).sqrt()).to(at::kBFloat16);
  const auto expected = normed * in.weight_D;
  // The mean may differ in its last float32 bit and tip a rounding over, hardly ever.
  EXPECT_LE(rms_norm(in).ne(expected).sum().item<int64_t>(), 3);
}

TEST(RmsNorm, ARowsBitsDependOnItAlone) {
  for (const auto type : float_types) {
    const auto x = random_tensor({9, 33}, type, 1), weight = random_tensor({33}, type, 2);
    const auto all = rms_norm({x, weight, 1e-5});
    for (int64_t row = 0; row < 9; ++row) {
      EXPECT_TRUE(same_bits(rms_norm({x.narrow(0, row, 1), weight, 1e-5}), all.narrow(0, row, 1)));
    }
    EXPECT_TRUE(same_bits(rms_norm({x.narrow(0, 4, 5), weight, 1e-5}), all.narrow(0, 4, 5)));
  }
}

TEST(RmsNorm, EdgesGiveWhatTheyMust) {
  const auto weight = tensor_of({1, 1, 1}, {3});
  EXPECT_EQ(rms_norm({random_tensor({0, 3}, at::kFloat, 1), weight, 1e-5}).size(0), 0);
  const auto zeros = rms_norm({tensor_of({0, 0, 0}, {1, 3}), weight, 1e-5});
  EXPECT_EQ(zeros.abs().max().item<float>(), 0);
  const auto large = rms_norm({tensor_of({1e4, -1e4, 1e4}, {1, 3}), weight, 1e-5});
  EXPECT_NEAR(large[0][1].item<float>(), -1, 1e-6);
  EXPECT_TRUE(
      at::isnan(rms_norm({tensor_of({1, nan, 1}, {1, 3}), weight, 1e-5})).all().item<bool>());
}

TEST(RmsNorm, MistakesAreToldWithTheirShapes) {
  const auto x = random_tensor({2, 3}, at::kFloat, 1);
  EXPECT_THAT(error_of([&] {
                rms_norm({x, random_tensor({4}, at::kFloat, 1)});
              }),
              HasSubstr("x [2, 3] must end in the width of the weight [4]"));
  EXPECT_THAT(error_of([&] {
                rms_norm({x, random_tensor({3}, at::kDouble, 1)});
              }),
              HasSubstr("x (float32) and weight (float64)"));
  EXPECT_THAT(error_of([&] {
                rms_norm({x.to(at::kInt), x[0].to(at::kInt)});
              }),
              HasSubstr("float32, float64 and bfloat16 are served"));
}

// A quarter turn takes (a, b) to (-b, a); the last entry is not rotated.
TEST(Rotary, AQuarterTurnWorkedByHand) {
  const auto out = rotary({tensor_of({1, 2, 3, 4, 5}, {1, 1, 5}), tensor_of({0, 1}, {1, 2}),
                           tensor_of({1, 0}, {1, 2})});
  const std::vector<float> expected{-3, 2, 1, 4, 5};
  for (int64_t i = 0; i < 5; ++i) EXPECT_EQ(out[0][0][i].item<float>(), expected[i]);
}

RotaryIn random_rotary(int64_t rows, int64_t heads, int64_t width, int64_t pairs,
                       at::ScalarType type) {
  const auto table = type == at::kDouble ? at::kDouble : at::kFloat;
  const auto angles = random_tensor({rows, pairs}, at::kDouble, 2) * 10;
  return {random_tensor({rows, heads, width}, type, 1), angles.cos().to(table),
          angles.sin().to(table)};
}

TEST(Rotary, EveryWidthAndTypeAgreesWithTheReference) {
  for (const auto type : float_types) {
    for (const int64_t width : awkward_widths) {
      for (const int64_t pairs : {width / 2, width / 4, int64_t{0}}) {
        const auto in = random_rotary(7, 3, width, pairs, type);
        EXPECT_LE(max_difference(rotary(in), reference::rotary(in)), tolerance(type, 5));
      }
    }
  }
}

TEST(Rotary, ARowsBitsDependOnItAlone) {
  for (const auto type : float_types) {
    const auto in = random_rotary(9, 3, 24, 11, type);
    const auto all = rotary(in);
    for (int64_t row = 0; row < 9; ++row) {
      EXPECT_TRUE(same_bits(rotary({in.x_NHK.narrow(0, row, 1), in.cos_NP.narrow(0, row, 1),
                                    in.sin_NP.narrow(0, row, 1)}),
                            all.narrow(0, row, 1)));
    }
  }
}

TEST(Rotary, NoRowsGiveNoRowsAndMistakesAreTold) {
  EXPECT_EQ(rotary(random_rotary(0, 2, 8, 4, at::kFloat)).size(0), 0);
  EXPECT_THAT(error_of([&] { rotary(random_rotary(2, 2, 8, 5, at::kFloat)); }),
              HasSubstr("x [2, 2, 8], cos [2, 5] and sin [2, 5] must agree"));
  auto in = random_rotary(2, 2, 8, 4, at::kFloat);
  in.x_NHK = in.x_NHK.to(at::kDouble);
  EXPECT_THAT(error_of([&] { rotary(in); }), HasSubstr("tables for x of float64"));
}

// silu(ln 3) = ln 3 * 3/4.
TEST(SwiGlu, AnElementWorkedByHand) {
  const auto out = swiglu({tensor_of({std::log(3.0), 0}, {1, 2}), tensor_of({4, 7}, {1, 2})});
  EXPECT_FLOAT_EQ(out[0][0].item<float>(), static_cast<float>(3 * std::log(3.0)));
  EXPECT_EQ(out[0][1].item<float>(), 0);
}

TEST(SwiGlu, EveryWidthAndTypeAgreesWithTheReference) {
  for (const auto type : float_types) {
    for (const int64_t width : awkward_widths) {
      const SwiGluIn in{random_tensor({5, width}, type, 1), random_tensor({5, width}, type, 2)};
      EXPECT_LE(max_difference(swiglu(in), reference::swiglu(in)), tolerance(type, 10));
    }
  }
}

TEST(SwiGlu, GatesOfAnySizeAreRight) {
  std::vector<double> gates{1e4, -1e4, 0, -0.0};
  for (double gate = 1; gate < 3e4; gate *= 1.03) {
    gates.push_back(gate);
    gates.push_back(-gate);
  }
  const auto count = static_cast<int64_t>(gates.size());
  for (const auto type : float_types) {
    const auto gate = tensor_of(gates, {count}, type);
    const SwiGluIn in{gate, gate / gate.abs().clamp_min(1)};
    const auto out = swiglu(in), expected = reference::swiglu(in);
    for (int64_t i = 0; i < count; ++i) {
      EXPECT_NEAR(out[i].item<double>(), expected[i].item<double>(),
                  4 * rounding_of(type) * std::max(1.0, std::abs(expected[i].item<double>())))
          << "gate " << gates[i] << ", " << c10::toString(type);
    }
  }
}

TEST(SwiGlu, AnElementsBitsDependOnItAlone) {
  for (const auto type : float_types) {
    const auto gate = random_tensor({40000}, type, 1), up = random_tensor({40000}, type, 2);
    const auto all = swiglu({gate, up});
    for (const auto& [begin, size] : {std::pair{1, 1}, {7, 30}, {16383, 3}, {20001, 19999}}) {
      EXPECT_TRUE(same_bits(swiglu({gate.narrow(0, begin, size), up.narrow(0, begin, size)}),
                            all.narrow(0, begin, size)));
    }
  }
}

TEST(SwiGlu, NanStaysInItsPlaceAndMistakesAreTold) {
  const auto out = swiglu({tensor_of({1, nan, 1}, {1, 3}), tensor_of({1, 1, nan}, {1, 3})});
  EXPECT_FALSE(std::isnan(out[0][0].item<float>()));
  EXPECT_TRUE(std::isnan(out[0][1].item<float>()));
  EXPECT_TRUE(std::isnan(out[0][2].item<float>()));
  EXPECT_EQ(
      swiglu({random_tensor({0, 3}, at::kFloat, 1), random_tensor({0, 3}, at::kFloat, 1)}).size(0),
      0);
  EXPECT_THAT(
      error_of([&] {
        swiglu({random_tensor({2, 3}, at::kFloat, 1), random_tensor({2, 4}, at::kFloat, 1)});
      }),
      HasSubstr("gate float32 [2, 3] and up float32 [2, 4]"));
}

// exp(ln 2), exp(0), exp(0): probabilities 1/2, 1/4, 1/4.
TEST(LogLikelihood, ARowWorkedByHand) {
  const auto logits = tensor_of({std::log(2.0), 0, 0}, {1, 3}, at::kDouble);
  const std::vector<Target> targets{{0, 0}, {0, 2}};
  const auto found = log_likelihoods(logits, targets);
  EXPECT_NEAR(found[0].log_prob, std::log(0.5), 1e-15);
  EXPECT_TRUE(found[0].is_greedy);
  EXPECT_NEAR(found[1].log_prob, std::log(0.25), 1e-15);
  EXPECT_FALSE(found[1].is_greedy);
}

TEST(LogLikelihood, TheFirstOfEqualLogitsIsTheGreedyOne) {
  const auto logits = tensor_of({0, 5, 5}, {1, 3});
  const std::vector<Target> targets{{0, 1}, {0, 2}};
  const auto found = log_likelihoods(logits, targets);
  EXPECT_TRUE(found[0].is_greedy);
  EXPECT_FALSE(found[1].is_greedy);
}

TEST(LogLikelihood, EveryWidthAndTypeAgreesWithTheReference) {
  for (const auto type : float_types) {
    for (const int64_t width : {1, 3, 8, 80, 1023, 1024, 1025, 5000}) {
      const auto logits = random_tensor({6, width}, type, width) * 5;
      std::vector<Target> targets;
      for (int64_t row = 0; row < 6; ++row) targets.push_back({row, row * 7 % width});
      targets.push_back({3, width - 1});  // two targets of one row
      const auto found = log_likelihoods(logits, targets);
      const auto expected = reference::log_likelihoods(logits, targets);
      for (size_t i = 0; i < targets.size(); ++i) {
        // Exponentials in float32, each within 1e-7.
        EXPECT_NEAR(found[i].log_prob, expected[i].log_prob, type == at::kDouble ? 1e-13 : 5e-7);
        EXPECT_EQ(found[i].is_greedy, expected[i].is_greedy);
      }
    }
  }
}

TEST(LogLikelihood, ARowsResultDependsOnThatRowAlone) {
  const auto logits = random_tensor({40, 1500}, at::kFloat, 1);
  std::vector<Target> targets;
  for (int64_t row = 0; row < 40; ++row) targets.push_back({row, row});
  const auto all = log_likelihoods(logits, targets);
  for (int64_t row = 0; row < 40; ++row) {
    const std::vector<Target> alone{{0, row}};
    EXPECT_EQ(log_likelihoods(logits.narrow(0, row, 1), alone)[0].log_prob, all[row].log_prob);
  }
}

TEST(LogLikelihood, LogitsOfTenThousandAndMasksAreRight) {
  for (const auto type : float_types) {
    const auto logits = tensor_of({1e4, -1e4, 1e4, -infinity}, {1, 4}, type);
    const std::vector<Target> targets{{0, 0}, {0, 1}, {0, 2}, {0, 3}};
    const auto found = log_likelihoods(logits, targets);
    const double top = logits[0][0].item<double>();
    EXPECT_NEAR(found[0].log_prob, std::log(0.5), 1e-12);
    EXPECT_NEAR(found[1].log_prob, std::log(0.5) - 2 * top, 1e-9);
    EXPECT_TRUE(found[0].is_greedy);
    EXPECT_EQ(found[3].log_prob, -infinity);
  }
  // The most negative number as a mask is a number: a row of nothing else is uniform.
  const double lowest = std::numeric_limits<float>::lowest();
  const auto masked = tensor_of(std::vector<double>(5, lowest), {1, 5});
  const std::vector<Target> first{{0, 0}};
  EXPECT_NEAR(log_likelihoods(masked, first)[0].log_prob, std::log(0.2), 1e-7);
}

TEST(LogLikelihood, NanAndRowsWithoutAnyLogitGiveNan) {
  for (const auto& values : {std::vector<double>{1, nan, 2, 0},
                             {nan, 1, 2, 3},
                             {1, 2, 3, nan},
                             std::vector<double>(4, -infinity),
                             {1, infinity, 2, 3}}) {
    const std::vector<Target> targets{{0, 1}};
    EXPECT_TRUE(std::isnan(log_likelihoods(tensor_of(values, {1, 4}), targets)[0].log_prob));
  }
}

TEST(LogLikelihood, NoTargetsGiveNothingAndMistakesAreTold) {
  const auto logits = random_tensor({2, 3}, at::kFloat, 1);
  EXPECT_TRUE(log_likelihoods(logits, {}).empty());
  EXPECT_TRUE(log_likelihoods(random_tensor({0, 3}, at::kFloat, 1), {}).empty());
  for (const auto& target : {Target{2, 0}, Target{-1, 0}, Target{0, 3}, Target{0, -1}}) {
    const std::vector<Target> targets{target};
    EXPECT_THAT(error_of([&] { (void)log_likelihoods(logits, targets); }),
                HasSubstr("outside of the logits [2, 3]"));
  }
}

}  // namespace
}  // namespace hylo::kernels::tests
