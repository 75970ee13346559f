// Sigmoid, SiLU, softplus and what mixers make of them: against float64 in plain C++, and the bits
// of an element wherever it stands.
#include "kernels/ops/activations.h"

#include <ATen/ops/cat.h>
#include <gmock/gmock.h>

#include <cmath>
#include <functional>

#include "tests/kernels/ops/tensors.h"
#include "tests/support/test_data.h"

namespace hylo::kernels::tests {
namespace {

using ::hylo::tests::error_of;
using ::testing::HasSubstr;

constexpr double infinity = std::numeric_limits<double>::infinity();

double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }
double softplus_of(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

struct Case {
  const char* name;
  at::Tensor (*op)(const at::Tensor&);
  double (*truth)(double);
};
const Case cases[] = {{"sigmoid", sigmoid, sigmoid_of},
                      {"silu", silu, [](double x) { return x * sigmoid_of(x); }},
                      {"softplus", softplus, softplus_of}};

/// Of a float64 tensor, element by element.
at::Tensor mapped(at::Tensor x, double (*function)(double)) {
  x = x.to(at::kDouble).clone();
  for (int64_t i = 0; i < x.numel(); ++i)
    x.mutable_data_ptr<double>()[i] = function(x.const_data_ptr<double>()[i]);
  return x;
}

/// Largest difference in units of the larger of 1e-30 and the true value.
double relative_difference(const at::Tensor& found, const at::Tensor& truth) {
  return ((found.to(at::kDouble) - truth).abs() / truth.abs().clamp_min(1e-30))
      .max()
      .item<double>();
}

TEST(Activations, EveryTypeAgreesWithFloat64OverTheWholeRange) {
  for (const auto& [name, op, truth] : cases) {
    for (const auto type : float_types) {
      SCOPED_TRACE(name);
      // Up to about 60, where the smallest results are still normal numbers.
      const auto x = (random_tensor({3, 1237}, at::kDouble, 1) * 15).to(type);
      EXPECT_LE(relative_difference(op(x), mapped(x, truth)), 8 * rounding_of(type));
    }
  }
}

TEST(Activations, TheEndsOfTheRangeAndNaN) {
  const auto x = tensor_of({-infinity, -1e4, -0.0, 1e4, infinity, std::nan("")}, {6});
  for (const auto type : float_types) {
    const auto s = kernels::sigmoid(x.to(type)), p = kernels::softplus(x.to(type));
    EXPECT_NEAR(s[0].item<double>(), 0, 1e-30);
    EXPECT_NEAR(s[1].item<double>(), 0, 1e-30);
    EXPECT_EQ(s[2].item<double>(), 0.5);
    EXPECT_EQ(s[3].item<double>(), 1);
    EXPECT_EQ(s[4].item<double>(), 1);
    EXPECT_TRUE(std::isnan(s[5].item<double>()));
    EXPECT_EQ(p[0].item<double>(), 0);
    EXPECT_NEAR(p[3].item<double>(), 1e4, 40);
    EXPECT_EQ(p[4].item<double>(), infinity);
    EXPECT_TRUE(std::isnan(p[5].item<double>()));
    EXPECT_TRUE(std::isnan(kernels::silu(x.to(type))[5].item<double>()));
  }
}

/// What an op makes of raw [N, D] and channels [D].
using RowOp = std::function<at::Tensor(const at::Tensor& raw_ND, const at::Tensor& channels_D)>;
const std::vector<std::pair<const char*, RowOp>> row_ops{
    {"sigmoid", [](const auto& x, const auto&) { return kernels::sigmoid(x); }},
    {"silu", [](const auto& x, const auto&) { return kernels::silu(x); }},
    {"softplus", [](const auto& x, const auto&) { return kernels::softplus(x); }},
    {"sigmoid_gate",
     [](const auto& x, const auto&) {
       return sigmoid_gate({x * 3, x});
     }},
    {"one gate per row",
     [](const auto& x, const auto&) {
       return sigmoid_gate({x, x.narrow(1, 0, 1)});
     }},
    {"step_sizes",
     [](const auto& x, const auto& b) {
       return step_sizes({x, b, 0.01, 2});
     }},
    {"log_decay",
     [](const auto& x, const auto& b) {
       return log_decay({x, b, b});
     }},
};

TEST(Activations, ARowsBitsDependOnItAloneWhereverItStandsAndHoweverManyThereAre) {
  for (const auto& [name, op] : row_ops) {
    for (const auto type : float_types) {
      for (const int64_t width : {1, 3, 6, 9, 17, 80, 300}) {
        SCOPED_TRACE(std::string(name) + ", width " + std::to_string(width));
        const auto x = random_tensor({41, width}, type, 1) * 4;
        const auto channels = random_tensor({width}, type, 2);
        const auto all = op(x, channels);
        for (int64_t row = 0; row < 41; ++row) {
          EXPECT_TRUE(same_bits(op(x.narrow(0, row, 1), channels), all.narrow(0, row, 1)));
        }
        const auto behind = op(at::cat({x.narrow(0, 3, 5), x}), channels);
        EXPECT_TRUE(same_bits(behind.narrow(0, 5, 41), all));
      }
    }
  }
}

TEST(Activations, AnElementsBitsDoNotDependOnItsColumn) {
  for (const auto type : float_types) {
    const auto x = random_tensor({1}, type, 3).expand({5, 277}).contiguous();
    for (const auto& [name, op, truth] : cases) {
      const auto out = op(x);
      EXPECT_TRUE(same_bits(out, out[0][0].expand({5, 277}))) << name;
    }
  }
}

TEST(Activations, RowsMayLieApart) {
  const auto wide = random_tensor({7, 40}, at::kFloat, 4), part = wide.narrow(1, 11, 9);
  const auto bias = random_tensor({9}, at::kFloat, 5);
  EXPECT_TRUE(same_bits(step_sizes({part, bias}), step_sizes({part.contiguous(), bias})));
  EXPECT_TRUE(same_bits(kernels::silu(part), kernels::silu(part.contiguous())));
  EXPECT_TRUE(same_bits(sigmoid_gate({part, wide.narrow(1, 0, 9)}),
                        sigmoid_gate({part.contiguous(), wide.narrow(1, 0, 9).contiguous()})));
}

// softplus(0) is log 2, and with a bias of log(e - 1) it is 1.
TEST(Activations, StepsAndDecaysWorkedByHand) {
  const auto raw = tensor_of({0, 0, 100, -100}, {1, 4}, at::kBFloat16);
  const auto bias = tensor_of({0, std::log(std::exp(1.0) - 1), 0, 0}, {4}, at::kDouble);
  const auto steps = step_sizes({raw, bias, 0.125, 50});
  EXPECT_EQ(steps.scalar_type(), at::kFloat);
  EXPECT_FLOAT_EQ(steps[0][0].item<float>(), static_cast<float>(std::log(2)));
  EXPECT_FLOAT_EQ(steps[0][1].item<float>(), 1);
  EXPECT_EQ(steps[0][2].item<float>(), 50);
  EXPECT_EQ(steps[0][3].item<float>(), 0.125);
  // Two heads of two channels, which decay at the rates 1 and 3.
  const auto decays = log_decay({raw, bias, tensor_of({0, std::log(3)}, {2}, at::kDouble)});
  EXPECT_FLOAT_EQ(decays[0][1].item<float>(), -1);
  EXPECT_FLOAT_EQ(decays[0][2].item<float>(), -300);
  EXPECT_FLOAT_EQ(log_decay({raw, {}, {}})[0][2].item<float>(), -100);
}

TEST(Activations, TheDifferentiableFormAgrees) {
  for (const auto& [name, op] : row_ops) {
    auto x = random_tensor({5, 6}, at::kDouble, 6);
    const auto channels = random_tensor({6}, at::kDouble, 7);
    const auto quick = op(x, channels);
    x.set_requires_grad(true);
    const auto slow = op(x, channels);
    EXPECT_TRUE(slow.requires_grad()) << name;
    EXPECT_LE(max_difference(slow.detach(), quick), 1e-13) << name;
  }
}

TEST(Activations, ShapesAndTypesThatDisagreeAreNamed) {
  const auto x = random_tensor({2, 6}, at::kFloat, 1);
  EXPECT_THAT(error_of([&] {
                sigmoid_gate({x, x.narrow(1, 0, 4)});
              }),
              HasSubstr("sigmoid_gate: gate [2, 4]"));
  EXPECT_THAT(error_of([&] { sigmoid_gate({x, x.to(at::kDouble)}); }), HasSubstr("float64"));
  EXPECT_THAT(error_of([&] { step_sizes({x, x[0].narrow(0, 0, 5)}); }), HasSubstr("bias [5]"));
  EXPECT_THAT(error_of([&] { log_decay({x, {}, x[0].narrow(0, 0, 4)}); }), HasSubstr("a_log [4]"));
  EXPECT_THAT(error_of([&] { kernels::silu(x.to(at::kHalf)); }), HasSubstr("found Half"));
}

}  // namespace
}  // namespace hylo::kernels::tests
