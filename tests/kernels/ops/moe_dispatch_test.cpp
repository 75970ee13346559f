// The choice of experts, and what becomes of their rows.
#include "kernels/ops/moe_dispatch.h"

#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <cmath>

#include "tests/kernels/ops/gradient_check.h"
#include "tests/kernels/ops/tensors.h"
#include "tests/support/test_data.h"

namespace hylo::kernels::tests {
namespace {

using ::hylo::tests::error_of;
using ::testing::HasSubstr;

/// Every kind of router, with and without groups, for a number of experts that they divide.
std::vector<RouteIn> routers(int64_t experts, at::ScalarType type) {
  std::vector<RouteIn> all;
  const auto logits = random_tensor({41, experts}, type, 1) * 3;
  for (const auto kind :
       {RouterKind::SoftmaxThenTop, RouterKind::TopThenSoftmax, RouterKind::Sigmoid}) {
    for (const int64_t groups : {1, 3}) {
      all.push_back({.logits_NE = logits,
                     .experts_per_token = 2,
                     .spec = {.kind = kind,
                              .normalised = kind != RouterKind::TopThenSoftmax,
                              .scale = 2.5,
                              .num_groups = groups,
                              .top_groups = groups == 1 ? 1 : 2},
                     .bias_E = kind == RouterKind::Sigmoid ? random_tensor({experts}, type, 2)
                                                           : at::Tensor()});
    }
  }
  return all;
}

TEST(Route, TheDifferentiableFormAgreesForEveryKindOfRouter) {
  for (const int64_t experts : {3, 6, 60}) {
    for (auto in : routers(experts, at::kDouble)) {
      const auto quick = route(in);
      in.logits_NE.set_requires_grad(true);
      const auto slow = route(in);
      EXPECT_TRUE(slow.weights_Nk.requires_grad());
      EXPECT_TRUE(same_bits(quick.experts_Nk, slow.experts_Nk));
      EXPECT_LE(max_difference(quick.weights_Nk, slow.weights_Nk.detach()), 1e-14);
      in.logits_NE.set_requires_grad(false);
    }
  }
}

TEST(Route, ARowsBitsDependOnItAlone) {
  for (const int64_t experts : {3, 6, 60}) {
    for (const auto type : {at::kFloat, at::kBFloat16}) {
      for (const auto& in : routers(experts, type)) {
        const auto all = route(in);
        for (int64_t row = 0; row < 41; ++row) {
          auto one = in;
          one.logits_NE = in.logits_NE.narrow(0, row, 1);
          const auto alone = route(one);
          EXPECT_TRUE(same_bits(alone.experts_Nk, all.experts_Nk.narrow(0, row, 1)));
          EXPECT_TRUE(same_bits(alone.weights_Nk, all.weights_Nk.narrow(0, row, 1)));
        }
      }
    }
  }
}

TEST(Route, NaNIsSeen) {
  const double nan = std::nan("");
  for (const auto kind :
       {RouterKind::SoftmaxThenTop, RouterKind::TopThenSoftmax, RouterKind::Sigmoid}) {
    const auto routes = route({.logits_NE = tensor_of({1, nan, 3}, {1, 3}),
                               .experts_per_token = 2,
                               .spec = {.kind = kind},
                               .bias_E = {}});
    EXPECT_TRUE(std::isnan(routes.weights_Nk.sum().item<float>()));
  }
}

TEST(Route, AmongEqualsTheLowestIndexIsChosen) {
  const auto routes = route({.logits_NE = tensor_of({1, 1, 1, 1, 0, 2, 2, 0}, {2, 4}),
                             .experts_per_token = 2,
                             .spec = {.normalised = true},
                             .bias_E = {}});
  EXPECT_EQ(routes.experts_Nk[0][0].item<int64_t>(), 0);
  EXPECT_EQ(routes.experts_Nk[0][1].item<int64_t>(), 1);
  EXPECT_EQ(routes.experts_Nk[1][0].item<int64_t>(), 1);
  EXPECT_EQ(routes.experts_Nk[1][1].item<int64_t>(), 2);
  EXPECT_FLOAT_EQ(routes.weights_Nk[0][0].item<float>(), 0.5F);
}

// The bias chooses expert 1, whose weight is that of its own value.
TEST(Route, ABiasChoosesAndDoesNotWeigh) {
  const auto routes = route({.logits_NE = tensor_of({0, 0}, {1, 2}),
                             .experts_per_token = 1,
                             .spec = {.kind = RouterKind::Sigmoid},
                             .bias_E = tensor_of({0, 5}, {2})});
  EXPECT_EQ(routes.experts_Nk[0][0].item<int64_t>(), 1);
  EXPECT_FLOAT_EQ(routes.weights_Nk[0][0].item<float>(), 0.5F);
}

TEST(Route, MoreExpertsThanThereAreIsAnError) {
  EXPECT_THAT(error_of([] {
                (void)route({.logits_NE = tensor_of({0, 0}, {1, 2}),
                             .experts_per_token = 3,
                             .spec = {},
                             .bias_E = {}});
              }),
              HasSubstr("3 of 2 experts per token"));
}

// Three rows choose two of four experts; nobody chooses expert 2.
TEST(RowsOfExperts, OnlyThoseThatAreChosenWithTheirRowsAscending) {
  const Routes routes{tensor_of({3, 0, 0, 1, 1, 3}, {3, 2}, at::kLong),
                      tensor_of({0.5, 0.25, 1, 2, 3, 4}, {3, 2})};
  const auto found = rows_of_experts(routes, 4);
  ASSERT_EQ(found.size(), 3U);
  const std::vector<int64_t> experts{0, 1, 3};
  const std::vector<std::vector<double>> rows{{0, 1}, {1, 2}, {0, 2}};
  const std::vector<std::vector<double>> weights{{0.25, 1}, {2, 3}, {0.5, 4}};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(found[i].expert, experts[i]);
    EXPECT_TRUE(same_bits(found[i].rows_M, tensor_of(rows[i], {2}, at::kLong)));
    EXPECT_TRUE(same_bits(found[i].weights_M, tensor_of(weights[i], {2})));
  }
  EXPECT_THAT(error_of([&] { (void)rows_of_experts(routes, 3); }), HasSubstr("expert 3 of 3"));
}

/// Three experts that square their rows, of which each gets three or four.
TEST(RowsOfExperts, AndTheirWeightedSumHaveTheGradientsOfFiniteDifferences) {
  const auto experts_Nk = tensor_of({0, 2, 1, 0, 2, 1, 0, 1, 2, 0}, {5, 2}, at::kLong);
  const auto of = [&](const std::vector<at::Tensor>& in) {
    const auto experts = rows_of_experts({experts_Nk, in[1]}, 4);
    const RowsOfExperts rows(in[0], experts);
    auto sum = at::zeros({5, 2}, at::kDouble);
    for (size_t i = 0; i < experts.size(); ++i) {
      sum = add_weighted(sum, rows.of(i) * rows.of(i) * (1.0 + static_cast<double>(i)), experts[i]);
    }
    return (sum * random_tensor({5, 2}, at::kDouble, 3)).sum();
  };
  EXPECT_LE(worst_gradient_error(
                of, {random_tensor({5, 2}, at::kDouble, 1), random_tensor({5, 2}, at::kDouble, 2)}),
            1e-7);
}

TEST(AddWeighted, RowsWorkedByHandAndTheDifferentiableForm) {
  for (const auto type : float_types) {
    const auto wide = type == at::kDouble ? at::kDouble : at::kFloat;
    const ExpertRows to{0, tensor_of({2, 0}, {2}, at::kLong), tensor_of({0.5, 2}, {2}, wide)};
    for (const int64_t width : awkward_widths) {
      const auto y = random_tensor({2, width}, type, 1), sum = random_tensor({3, width}, wide, 2);
      auto wanted = sum.clone();
      wanted[2] += y[0].to(wide) * 0.5;
      wanted[0] += y[1].to(wide) * 2;
      auto leaf = y.clone().set_requires_grad(true);
      const auto before = sum.clone();
      EXPECT_LE(max_difference(add_weighted(sum.clone(), leaf, to).detach(), wanted), 1e-6);
      EXPECT_TRUE(add_weighted(sum, y, to).is_same(sum));
      EXPECT_LE(max_difference(sum, wanted), 1e-6);
      EXPECT_TRUE(same_bits(sum[1], before[1]));
    }
  }
}

TEST(AddWeighted, AnElementsBitsDoNotDependOnItsColumn) {
  const ExpertRows to{0, tensor_of({0}, {1}, at::kLong), tensor_of({0.3}, {1})};
  const auto sum = tensor_of({1.0 / 3}, {1}).expand({1, 277}).contiguous();
  add_weighted(sum, tensor_of({0.7}, {1}).expand({1, 277}), to);
  EXPECT_TRUE(same_bits(sum, sum[0][0].expand({1, 277})));
}

TEST(AddWeighted, ShapesAndTypesThatDisagreeAreNamed) {
  const ExpertRows to{0, tensor_of({0}, {1}, at::kLong), tensor_of({0.3}, {1})};
  const auto sum = random_tensor({2, 5}, at::kFloat, 1);
  EXPECT_THAT(error_of([&] {
                add_weighted(sum, random_tensor({1, 4}, at::kFloat, 2), to);
              }),
              HasSubstr("y [1, 4]"));
  EXPECT_THAT(error_of([&] {
                add_weighted(sum, random_tensor({1, 5}, at::kDouble, 2), to);
              }),
              HasSubstr("for y (float64)"));
}

}  // namespace
}  // namespace hylo::kernels::tests
