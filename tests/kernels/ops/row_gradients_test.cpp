// Norm, rotation and gate as functions that are trained through.
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/ops/rms_norm.h"
#include "kernels/ops/rotary.h"
#include "kernels/ops/swiglu.h"
#include "tests/kernels/ops/gradient_check.h"
#include "tests/kernels/ops/tensors.h"
#include "tests/support/test_data.h"

namespace hylo::kernels {
namespace {

using namespace tests;

using Tensors = std::vector<at::Tensor>;

/// The sum of a result times fixed random numbers, in float64.
at::Tensor weighed(const at::Tensor& out) {
  return (out.to(at::kDouble) * random_tensor(out.sizes(), at::kDouble, 77)).sum();
}

void expect_close(const Tensors& found, const Tensors& expected, double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    const double size = std::max(1.0, expected[i].abs().max().item<double>());
    EXPECT_LT(max_difference(found[i], expected[i]), tolerance * size) << "input " << i;
  }
}

Tensors in_float64(Tensors tensors) {
  for (auto& tensor : tensors) tensor = tensor.to(at::kDouble);
  return tensors;
}

/// Means over a few hundred rows; bfloat16 gradients are rounded at the end.
double tolerance(at::ScalarType type) { return 30 * rounding_of(type); }

TEST(RmsNormGradient, IsThatOfThePlainFormulaForEveryWidthAndType) {
  for (const int64_t width : awkward_widths) {
    for (const auto type : float_types) {
      for (const bool zero_centred : {false, true}) {
        const Tensors in{random_tensor({301, width}, type, 1), random_tensor({width}, type, 2)};
        const auto plain = [&](const Tensors& t) {
          const auto scale = at::rsqrt((t[0] * t[0]).mean(-1, true) + 1e-3);
          return weighed(t[0] * scale * (zero_centred ? t[1] + 1 : t[1]));
        };
        const auto ours = [&](const Tensors& t) {
          return weighed(rms_norm({t[0], t[1], 1e-3, zero_centred}));
        };
        expect_close(gradients_of(ours, in), gradients_of(plain, in_float64(in)), tolerance(type));
      }
    }
  }
}

TEST(RmsNormGradient, IsWhatDifferencesGive) {
  EXPECT_LT(worst_gradient_error(
                [](const Tensors& t) {
                  return weighed(rms_norm({t[0], t[1], 1e-3}));
                },
                {random_tensor({2, 3, 5}, at::kDouble, 1), random_tensor({5}, at::kDouble, 2)}),
            1e-8);
}

TEST(RmsNormGradient, OfTheWeightDoesNotDependOnTheThreads) {
  const Tensors in{random_tensor({1000, 24}, at::kFloat, 1), random_tensor({24}, at::kFloat, 2)};
  const auto ours = [](const Tensors& t) { return weighed(rms_norm({t[0], t[1]})); };
  const auto all = gradients_of(ours, in);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto one = gradients_of(ours, in);
  at::set_num_threads(threads);
  for (size_t i = 0; i < all.size(); ++i) EXPECT_TRUE(same_bits(all[i], one[i]));
}

TEST(RmsNormGradient, OfARowThatIsNoNumberStaysInThatRow) {
  auto x = random_tensor({300, 5}, at::kFloat, 1);
  x[7][2] = NAN;
  const auto found = gradients_of(
      [](const Tensors& t) {
        return weighed(rms_norm({t[0], t[1]}));
      },
      {x, random_tensor({5}, at::kFloat, 2)});
  EXPECT_TRUE(found[0].select(0, 7).isnan().all().item<bool>());
  EXPECT_FALSE(found[0].narrow(0, 8, 292).isnan().any().item<bool>());
}

TEST(RotaryGradient, IsWhatDifferencesGiveInBothLayouts) {
  const auto cos = random_tensor({3, 2}, at::kDouble, 5),
             sin = random_tensor({3, 2}, at::kDouble, 6);
  for (const bool interleaved : {false, true}) {
    EXPECT_LT(worst_gradient_error(
                  [&](const Tensors& t) {
                    return weighed(rotary({t[0], cos, sin, interleaved}));
                  },
                  {random_tensor({3, 2, 5}, at::kDouble, 1)}),
              1e-8);
  }
}

TEST(SwiGluGradient, IsThatOfThePlainFormulaForEveryWidthAndType) {
  for (const int64_t width : awkward_widths) {
    for (const auto type : float_types) {
      const Tensors in{random_tensor({5, width}, type, 1) * 5, random_tensor({5, width}, type, 2)};
      expect_close(gradients_of(
                       [](const Tensors& t) {
                         return weighed(swiglu({t[0], t[1]}));
                       },
                       in),
                   gradients_of([](const Tensors& t) { return weighed(at::silu(t[0]) * t[1]); },
                                in_float64(in)),
                   tolerance(type));
    }
  }
}

TEST(RowGradients, HaveNoGradientOfTheirOwn) {
  auto x = random_tensor({2, 4}, at::kDouble, 1).requires_grad_(true);
  const auto y = swiglu({x, x * 2}).sum();
  EXPECT_THAT(
      hylo::tests::error_of([&] { y.backward({}, /*retain_graph=*/true, /*create_graph=*/true); }),
      testing::HasSubstr("swiglu: its gradient has no gradient"));
}

}  // namespace
}  // namespace hylo::kernels
