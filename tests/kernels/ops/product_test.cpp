// Products that are large enough for the library to be chosen.
#include "kernels/ops/product.h"

#include <ATen/ops/matmul.h>
#include <gmock/gmock.h>

#include "kernels/ops/linear.h"
#include "tests/kernels/ops/gradient_check.h"
#include "tests/kernels/ops/tensors.h"

namespace hylo::kernels::tests {
namespace {

constexpr int64_t m = 131, k = 259, n = 517;
// Sums of 259 products of normal numbers in float32.
constexpr double tolerance = 2e-4;

at::Tensor in_float64(const at::Tensor& a, const at::Tensor& b) {
  return at::matmul(a.to(at::kDouble), b.to(at::kDouble));
}

TEST(Product, AgreesWithFloat64HoweverTheFactorsLie) {
  const auto a = random_tensor({m, k}, at::kFloat, 1), b = random_tensor({k, n}, at::kFloat, 2);
  const auto want = in_float64(a, b);
  const auto turned = [](const at::Tensor& x) { return x.t().contiguous().t(); };
  const auto apart = [](const at::Tensor& x) {  // Neither rows nor columns are one after another.
    return random_tensor({x.size(0), x.size(1), 2}, at::kFloat, 3).select(2, 0).copy_(x);
  };
  const auto wide = [](const at::Tensor& x) {  // Columns of a wider matrix.
    return random_tensor({x.size(0), x.size(1) + 5}, at::kFloat, 4)
        .narrow(1, 2, x.size(1))
        .copy_(x);
  };
  for (const auto& left : {a, turned(a), apart(a), wide(a)}) {
    for (const auto& right : {b, turned(b), apart(b), wide(b)}) {
      EXPECT_LE(max_difference(product(left, right).to(at::kDouble), want), tolerance);
    }
  }
}

TEST(Product, CanBeAddedToWhatIsThere) {
  const auto a = random_tensor({m, k}, at::kFloat, 1), b = random_tensor({k, n}, at::kFloat, 2);
  auto out = random_tensor({m, n}, at::kFloat, 3);
  const auto want = out.to(at::kDouble) + in_float64(a, b);
  add_product(out, a, b);
  EXPECT_LE(max_difference(out.to(at::kDouble), want), tolerance);
  product_out(out, a, b);
  EXPECT_LE(max_difference(out.to(at::kDouble), in_float64(a, b)), tolerance);
}

TEST(Product, InOtherTypesIsLibTorchs) {
  const auto a = random_tensor({m, k}, at::kDouble, 1), b = random_tensor({k, n}, at::kDouble, 2);
  EXPECT_TRUE(same_bits(product(a, b), at::matmul(a, b)));
}

// Gradients of float32 products of this size, against the same in float64.
TEST(Linear, LargeProductsHaveTheGradientsOfSmallOnes) {
  const auto of = [](const std::vector<at::Tensor>& in) {
    const auto out = linear({in[0], in[1], in[2]});
    return (out * random_tensor(out.sizes(), out.scalar_type(), 9)).sum();
  };
  const std::vector<at::Tensor> in{random_tensor({m, k}, at::kFloat, 1),
                                   random_tensor({n, k}, at::kFloat, 2),
                                   random_tensor({n}, at::kFloat, 3)};
  std::vector<at::Tensor> wide;
  for (const auto& x : in) wide.push_back(x.to(at::kDouble));
  const auto ours = gradients_of(of, in), truth = gradients_of(of, wide);
  for (size_t i = 0; i < in.size(); ++i) {
    EXPECT_LE(max_difference(ours[i].to(at::kDouble), truth[i]), tolerance) << i;
  }
}

TEST(Linear, WithoutABiasTheOtherGradientsAreTheSame) {
  const std::vector<at::Tensor> in{random_tensor({m, k}, at::kFloat, 1),
                                   random_tensor({n, k}, at::kFloat, 2),
                                   random_tensor({n}, at::kFloat, 3)};
  const auto with = gradients_of(
      [](const auto& t) {
        return linear({t[0], t[1], t[2]}).square().sum();
      },
      {in[0], in[1], at::zeros_like(in[2])});
  const auto without = gradients_of(
      [](const auto& t) {
        return linear({t[0], t[1], {}}).square().sum();
      },
      {in[0], in[1]});
  for (size_t i = 0; i < without.size(); ++i) EXPECT_TRUE(same_bits(without[i], with[i])) << i;
}

}  // namespace
}  // namespace hylo::kernels::tests
