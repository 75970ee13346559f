#include "kernels/ops/packed_attention.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "kernels/ops/attention.h"
#include "kernels/reference/packed_attention.h"
#include "tests/kernels/ops/gradient_check.h"
#include "tests/kernels/ops/tensors.h"
#include "tests/support/test_data.h"

namespace hylo::kernels {
namespace {

using namespace tests;
using hylo::tests::error_of;
using testing::HasSubstr;

struct Heads {
  int64_t heads, groups, key_width, value_width;
};
/// The last is MLA's: keys wider than values. Widths off a vector, heads that do not fill one.
constexpr Heads shapes[] = {{1, 1, 4, 4}, {6, 3, 24, 24}, {4, 1, 16, 16}, {3, 3, 48, 20}};

struct Problem {
  at::Tensor q, k, v;
  std::vector<RowRange> sequences;
  std::optional<int64_t> window;

  [[nodiscard]] PackedAttentionIn in() const {
    return {q, k, v, sequences, 1 / std::sqrt(static_cast<double>(q.size(2))), window};
  }
  [[nodiscard]] PackedAttentionIn with(const std::vector<at::Tensor>& qkv) const {
    return {qkv[0], qkv[1], qkv[2], sequences, in().scale, window};
  }
};

Problem problem(const Heads& shape, const std::vector<int64_t>& lengths, at::ScalarType type,
                std::optional<int64_t> window = {}, int64_t gap = 0) {
  Problem p;
  int64_t rows = 0;
  for (const int64_t length : lengths) {
    p.sequences.push_back({rows + gap, length});
    rows += gap + length;
  }
  p.q = random_tensor({rows, shape.heads, shape.key_width}, type, 1);
  p.k = random_tensor({rows, shape.groups, shape.key_width}, type, 2);
  p.v = random_tensor({rows, shape.groups, shape.value_width}, type, 3);
  p.window = window;
  return p;
}

/// The gradients of the sum of out times fixed random numbers.
std::vector<at::Tensor> gradients(const Problem& p, bool by_reference) {
  return gradients_of(
      [&](const std::vector<at::Tensor>& qkv) {
        const auto in = p.with(qkv);
        const auto out = by_reference ? reference::packed_attention(in) : packed_attention(in);
        return (out.to(at::kDouble) * random_tensor(out.sizes(), at::kDouble, 4)).sum();
      },
      {p.q, p.k, p.v});
}

/// Sums of up to 200 products, and where nothing should be left, of what cancels.
double tolerance(at::ScalarType type) { return 40 * rounding_of(type); }

// Scores of the second query: 1 ln 3 and 0, so weights 3/4 and 1/4 of values 4 and 8.
TEST(PackedAttention, OfTwoTokensAgreesWithTheNumbersWorkedByHand) {
  const auto q = tensor_of({7, std::log(3.0)}, {2, 1, 1});
  const auto k = tensor_of({1, 0}, {2, 1, 1}), v = tensor_of({4, 8}, {2, 1, 1});
  const RowRange both{0, 2};
  EXPECT_LT(max_difference(packed_attention({q, k, v, {&both, 1}}), tensor_of({4, 5}, {2, 1, 1})),
            1e-6);
}

TEST(PackedAttention, AgreesWithTheReferenceInEveryTypeAndShape) {
  for (const auto& shape : shapes) {
    for (const auto type : float_types) {
      for (const std::optional<int64_t> window : {std::optional<int64_t>{}, {1}, {50}, {64}}) {
        const auto p = problem(shape, {1, 63, 64, 0, 130}, type, window);
        EXPECT_LT(max_difference(packed_attention(p.in()), reference::packed_attention(p.in())),
                  tolerance(type))
            << shape.heads << " heads, window " << window.value_or(0);
      }
    }
  }
}

TEST(PackedAttention, HasTheGradientsOfTheReference) {
  for (const auto& shape : shapes) {
    for (const auto type : float_types) {
      for (const std::optional<int64_t> window : {std::optional<int64_t>{}, {1}, {50}, {64}}) {
        const auto p = problem(shape, {1, 63, 64, 0, 130}, type, window);
        const auto found = gradients(p, false), expected = gradients(p, true);
        for (size_t i = 0; i < found.size(); ++i) {
          EXPECT_EQ(found[i].scalar_type(), type);
          const double size = std::max(1.0, expected[i].abs().max().item<double>());
          EXPECT_LT(max_difference(found[i], expected[i]), size * tolerance(type))
              << "input " << i << ", " << shape.heads << " heads, window " << window.value_or(0);
        }
      }
    }
  }
}

TEST(PackedAttention, HasTheGradientsThatDifferencesGive) {
  const auto p = problem({4, 2, 3, 5}, {5, 2}, at::kDouble, 3);
  const auto weights = random_tensor({7, 4, 5}, at::kDouble, 4);
  EXPECT_LT(worst_gradient_error(
                [&](const std::vector<at::Tensor>& qkv) {
                  return (packed_attention(p.with(qkv)) * weights).sum();
                },
                {p.q, p.k, p.v}),
            1e-8);
}

TEST(PackedAttention, GivesEachSequenceWhatItGetsAlone) {
  const auto p = problem({6, 3, 24, 24}, {70, 1, 131}, at::kFloat, {}, 3);
  const auto together = packed_attention(p.in());
  const auto gradients_together = gradients(p, false);
  for (const auto& rows : p.sequences) {
    const auto cut = [&](const at::Tensor& x) {
      return x.narrow(0, rows.first_row, rows.num_rows);
    };
    Problem alone{cut(p.q), cut(p.k), cut(p.v), {{0, rows.num_rows}}, {}};
    EXPECT_TRUE(same_bits(cut(together), packed_attention(alone.in())));
  }
  EXPECT_EQ(together.narrow(0, 0, 3).abs().max().item<double>(), 0) << "rows of no sequence";
  for (const auto& gradient : gradients_together) {
    EXPECT_EQ(gradient.narrow(0, 0, 3).abs().max().item<double>(), 0);
  }
}

TEST(PackedAttention, EqualsAttentionOverPages) {
  const auto p = problem({6, 3, 24, 24}, {200}, at::kFloat, 70);
  const auto pages = [](const at::Tensor& rows) {
    return at::cat({rows, rows.narrow(0, 0, 56)}).view({16, 16, 3, 24});
  };
  std::vector<int32_t> table(16);
  std::iota(table.begin(), table.end(), 0);
  const PagedRows rows{.first_row = 0, .num_rows = 200, .num_past = 0, .pages = table};
  const auto paged = attention({p.q, pages(p.k), pages(p.v), {&rows, 1}, p.in().scale, p.window});
  EXPECT_LT(max_difference(packed_attention(p.in()), paged), tolerance(at::kFloat));
}

TEST(PackedAttention, ANanKeyReachesTheRowsThatSeeItAndNoOthers) {
  auto p = problem({2, 2, 8, 8}, {100, 30}, at::kFloat);
  p.k.select(0, 70).fill_(NAN);
  const auto out = packed_attention(p.in());
  EXPECT_FALSE(out.narrow(0, 0, 70).isnan().any().item<bool>());
  EXPECT_TRUE(out.narrow(0, 70, 30).isnan().all().item<bool>());
  EXPECT_FALSE(out.narrow(0, 100, 30).isnan().any().item<bool>());
}

TEST(PackedAttention, RefusesWhatDoesNotFit) {
  auto p = problem({6, 3, 24, 24}, {4}, at::kFloat);
  auto in = p.in();
  in.k_NGK = in.k_NGK.narrow(2, 0, 23);
  EXPECT_THAT(error_of([&] { packed_attention(in); }), HasSubstr("must agree in rows, key width"));
  in = p.in();
  in.q_NHK = in.q_NHK.narrow(1, 0, 4);
  EXPECT_THAT(error_of([&] { packed_attention(in); }), HasSubstr("heads must divide"));
  in = p.in();
  in.v_NGV = in.v_NGV.to(at::kDouble);
  EXPECT_THAT(error_of([&] { packed_attention(in); }), HasSubstr("must be of one type"));
  const auto half = [](const at::Tensor& x) { return x.to(at::kHalf); };
  in = p.in();
  in.q_NHK = half(in.q_NHK), in.k_NGK = half(in.k_NGK), in.v_NGV = half(in.v_NGV);
  EXPECT_THAT(error_of([&] { packed_attention(in); }), HasSubstr("float32, float64 and bfloat16"));
  in = p.in();
  in.scale = -1;
  EXPECT_THAT(error_of([&] { packed_attention(in); }), HasSubstr("a scale of -1"));
  in = p.in();
  in.window = 0;
  EXPECT_THAT(error_of([&] { packed_attention(in); }), HasSubstr("a window of 0 tokens"));
  const RowRange beyond{2, 3};
  in = p.in();
  in.sequences = {&beyond, 1};
  EXPECT_THAT(error_of([&] { packed_attention(in); }), HasSubstr("packed_attention"));
}

}  // namespace
}  // namespace hylo::kernels
