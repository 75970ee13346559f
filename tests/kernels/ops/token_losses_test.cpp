// Losses over a vocabulary against their definitions on whole logits.
#include "kernels/torch/token_losses.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/ops/cross_entropy.h"
#include "kernels/ops/kl_divergence.h"
#include "tests/kernels/ops/gradient_check.h"
#include "tests/kernels/ops/tensors.h"
#include "tests/support/test_data.h"

namespace hylo::kernels {
namespace {

using namespace tests;
using hylo::tests::error_of;
using testing::HasSubstr;
using Tensors = std::vector<at::Tensor>;

at::Tensor labels_of(std::vector<int64_t> labels) {
  return at::from_blob(labels.data(), {static_cast<int64_t>(labels.size())},
                       at::TensorOptions().dtype(at::kLong))
      .clone();
}

/// Every third token does not count.
at::Tensor mask_of(int64_t tokens) {
  auto mask = at::full({tokens}, true, at::TensorOptions().dtype(at::kBool));
  for (int64_t i = 0; i < tokens; i += 3) mask.select(0, i).fill_(false);
  return mask;
}

/// Log-probabilities of scale * hidden weight^T / temperature, in float64.
at::Tensor log_probabilities(const at::Tensor& hidden, const at::Tensor& weight, double scale,
                             double temperature = 1) {
  return at::log_softmax(
      at::matmul(hidden.to(at::kDouble), weight.to(at::kDouble).t()) * (scale / temperature), -1);
}

void expect_close(const Tensors& found, const Tensors& expected, double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    const double size = std::max(1e-3, expected[i].abs().max().item<double>());
    EXPECT_LT(max_difference(found[i], expected[i]), tolerance * size) << "input " << i;
  }
}

/// bfloat16 rounds the logits themselves.
double tolerance(at::ScalarType type) {
  return (type == at::kBFloat16 ? 12 : 40) * rounding_of(type);
}

/// Two words, logits 0 and ln 3: probabilities 1/4 and 3/4.
TEST(CrossEntropy, OfTwoWordsIsWorkedByHand) {
  const auto hidden = tensor_of({1, 1}, {2, 1});
  const auto weight = tensor_of({0, std::log(3.0)}, {2, 1});
  const auto losses = cross_entropy({{hidden, weight}, labels_of({0, 1})});
  EXPECT_NEAR(losses.of_each_N[0].item<double>(), std::log(4.0), 1e-6);
  EXPECT_NEAR(losses.of_each_N[1].item<double>(), std::log(4.0 / 3), 1e-6);
  EXPECT_NEAR(losses.sum.item<double>(), std::log(16.0 / 3), 1e-6);
}

/// A weight below 0 asks for less of its word.
TEST(CrossEntropy, OfWeightedTokensIsTheSumOfEachTimesItsWeight) {
  const auto labels = labels_of({3, no_label, 0, 36});
  const auto weights = tensor_of({2, 5, -0.5, 0}, {4}).to(at::kDouble);
  const Tensors in{random_tensor({4, 6}, at::kDouble, 1), random_tensor({37, 6}, at::kDouble, 2)};
  const auto ours = [&](const Tensors& t) {
    return cross_entropy(
               {.student = {t[0], t[1]}, .labels_N = labels, .factor = 3, .weights_N = weights})
        .sum;
  };
  const auto theirs = [&](const Tensors& t) {
    const auto log_p = log_probabilities(t[0], t[1], 1);
    return -3 * (2 * log_p[0][3] - 0.5 * log_p[2][0]);
  };
  EXPECT_NEAR(ours(in).item<double>(), theirs(in).item<double>(), 1e-12);
  expect_close(gradients_of(ours, in), gradients_of(theirs, in), 1e-12);
}

TEST(CrossEntropy, AndItsGradientsAreThoseOfTheDefinition) {
  for (const auto type : float_types) {
    for (const double z_loss : {0.0, 0.1}) {
      const auto labels = labels_of({3, no_label, 0, 36, 5});
      const Tensors in{random_tensor({5, 6}, type, 1), random_tensor({37, 6}, type, 2)};
      const auto ours = [&](const Tensors& t) {
        return cross_entropy({{t[0], t[1], 0.7}, labels, z_loss, 0.25}).sum.to(at::kDouble) * 3;
      };
      const auto plain = [&](const Tensors& t) {
        const auto logits = at::matmul(t[0].to(at::kDouble), t[1].to(at::kDouble).t()) * 0.7;
        const auto log_sum = logits.logsumexp(-1);
        at::Tensor sum = at::zeros({}, logits.options());
        const auto* label = labels.const_data_ptr<int64_t>();
        for (int64_t i = 0; i < 5; ++i) {
          if (label[i] == no_label) continue;
          sum = sum + log_sum[i] - logits[i][label[i]] + z_loss * log_sum[i] * log_sum[i];
        }
        return sum * 0.75;
      };
      EXPECT_NEAR(ours(in).item<double>(), plain(in).item<double>(), 30 * tolerance(type));
      expect_close(gradients_of(ours, in), gradients_of(plain, in), tolerance(type));
    }
  }
}

TEST(KlDivergence, AndItsGradientsAreThoseOfTheDefinition) {
  for (const auto type : float_types) {
    for (const auto direction : {KlDirection::Forward, KlDirection::Reverse}) {
      for (const double temperature : {1.0, 2.0}) {
        const auto mask = mask_of(7);
        const Tensors in{random_tensor({7, 6}, type, 1), random_tensor({1030, 6}, type, 2)};
        const Projection teacher{random_tensor({7, 4}, type, 3), random_tensor({1030, 4}, type, 4),
                                 1.5};
        const auto ours = [&](const Tensors& t) {
          return kl_divergence({{t[0], t[1], 0.7}, teacher, mask, direction, temperature, 0.5})
              .sum.to(at::kDouble);
        };
        const auto plain = [&](const Tensors& t) {
          const auto log_q = log_probabilities(t[0], t[1], 0.7, temperature);
          const auto log_p =
              log_probabilities(teacher.hidden_ND, teacher.weight_WD, 1.5, temperature);
          const auto each = direction == KlDirection::Forward
                                ? (log_p.exp() * (log_p - log_q)).sum(-1)
                                : (log_q.exp() * (log_q - log_p)).sum(-1);
          return (each * mask.to(at::kDouble)).sum() * 0.5;
        };
        EXPECT_NEAR(ours(in).item<double>(), plain(in).item<double>(), 50 * tolerance(type));
        expect_close(gradients_of(ours, in), gradients_of(plain, in), 4 * tolerance(type));
      }
    }
  }
}

TEST(KlDivergence, OfATeacherThatIsTheStudentIsNothing) {
  const Projection same{random_tensor({5, 6}, at::kFloat, 1),
                        random_tensor({37, 6}, at::kFloat, 2)};
  const auto losses = kl_divergence({same, same});
  EXPECT_LT(losses.of_each_N.abs().max().item<double>(), 1e-6);
}

TEST(KlDivergence, AWordThatTheTeacherExcludesAddsNothing) {
  auto teacher = random_tensor({1, 5}, at::kDouble, 1);
  teacher[0][2] = -INFINITY;
  const auto eye =
      tensor_of({1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1}, {5, 5},
                at::kDouble);
  // Infinity times zero is no number, so the teacher's logits are given by a width of one.
  const Projection excluded{tensor_of({1}, {1, 1}, at::kDouble), teacher.t().contiguous()};
  const auto losses = kl_divergence({{random_tensor({1, 5}, at::kDouble, 2), eye}, excluded});
  EXPECT_TRUE(std::isfinite(losses.sum.item<double>()));
  EXPECT_GT(losses.sum.item<double>(), 0);
}

TEST(TopKDivergence, WithAllWordsIsTheForwardDivergenceAndWithFewTheirRestIsOneWord) {
  const auto hidden = random_tensor({4, 6}, at::kDouble, 1);
  const auto weight = random_tensor({9, 6}, at::kDouble, 2);
  const auto log_p = log_probabilities(random_tensor({4, 3}, at::kDouble, 3),
                                       random_tensor({9, 3}, at::kDouble, 4), 1);
  for (const int64_t k : {9, 3}) {
    const auto [log_top, ids] = log_p.topk(k);
    const auto p = log_top.exp().to(at::kFloat).contiguous();
    const auto ours = [&, ids = ids](const Tensors& t) {
      return top_k_divergence({{t[0], t[1]}, ids.contiguous(), p, mask_of(4)}).sum;
    };
    const auto plain = [&, ids = ids](const Tensors& t) {
      const auto log_q = log_probabilities(t[0], t[1], 1);
      const auto log_q_top = log_q.gather(-1, ids), p_top = p.to(at::kDouble);
      const auto p_rest = 1 - p_top.sum(-1), q_rest = 1 - log_q_top.exp().sum(-1);
      auto each = (p_top * (p_top.log() - log_q_top)).sum(-1);
      if (k < 9) each = each + p_rest * (p_rest.log() - q_rest.log());
      return (each * mask_of(4).to(at::kDouble)).sum();
    };
    EXPECT_NEAR(ours({hidden, weight}).item<double>(), plain({hidden, weight}).item<double>(),
                1e-5);
    expect_close(gradients_of(ours, {hidden, weight}), gradients_of(plain, {hidden, weight}), 1e-5);
  }
}

/// Logits [gap, 0 x 8]: the others together have 8 exp(-gap), which 1 - q cannot tell in float32.
TEST(TopKDivergence, OfASureStudentKnowsWhatItLeavesToTheOthers) {
  for (const double gap : {30.0, 200.0}) {
    std::vector<double> logits(9, 0.0);
    logits[0] = gap;
    auto hidden = tensor_of({1}, {1, 1}).requires_grad_(true);
    const auto losses = top_k_divergence({{hidden, tensor_of(logits, {9, 1})},
                                          at::zeros({1, 1}, at::TensorOptions().dtype(at::kLong)),
                                          tensor_of({0.9}, {1, 1})});
    const double log_q_rest = std::log(8.0) - gap;
    EXPECT_NEAR(losses.sum.item<double>(), 0.9 * std::log(0.9) + 0.1 * (std::log(0.1) - log_q_rest),
                1e-4);
    losses.sum.backward();
    // The kept logit is all of the hidden state that has a weight: gap (q - p).
    EXPECT_NEAR(hidden.grad().item<double>(), gap * 0.1, 1e-4 * gap);
  }
}

TEST(TokenLosses, DoNotDependOnHowTokensAreCutIntoChunks) {
  // A vocabulary so wide that a chunk has 16 tokens, and one where all fit in one.
  constexpr int64_t words = int64_t{1} << 22;
  EXPECT_EQ(torch_form::tokens_of_a_chunk(words), 16);
  EXPECT_EQ(torch_form::tokens_of_a_chunk(128'256), 256);
  EXPECT_EQ(torch_form::tokens_of_a_chunk(512), 4096);
  const auto hidden = random_tensor({9000, 3}, at::kFloat, 1);
  const auto weight = random_tensor({40, 3}, at::kFloat, 2);
  const auto labels = at::zeros({9000}, at::TensorOptions().dtype(at::kLong));
  const auto all = cross_entropy({{hidden, weight}, labels});
  const auto last =
      cross_entropy({{hidden.narrow(0, 8990, 10), weight}, labels.narrow(0, 8990, 10)});
  EXPECT_LT(max_difference(all.of_each_N.narrow(0, 8990, 10), last.of_each_N), 1e-6);
}

TEST(TokenLosses, TheSumOfManyDoesNotDependOnTheThreads) {
  constexpr int64_t tokens = 300001;
  const auto hidden = random_tensor({tokens, 1}, at::kDouble, 1);
  const auto weight = random_tensor({2, 1}, at::kDouble, 2);
  const auto labels = at::zeros({tokens}, at::TensorOptions().dtype(at::kLong));
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const auto of_one = cross_entropy({{hidden, weight}, labels});
  for (const int threads : {2, 3, 5}) {
    at::set_num_threads(threads);
    EXPECT_TRUE(same_bits(cross_entropy({{hidden, weight}, labels}).sum, of_one.sum)) << threads;
  }
  at::set_num_threads(before);
}

TEST(TokenLosses, ANanIsNotLost) {
  auto hidden = random_tensor({3, 6}, at::kFloat, 1);
  hidden[1][2] = NAN;
  const auto weight = random_tensor({37, 6}, at::kFloat, 2);
  const auto losses = cross_entropy({{hidden, weight}, labels_of({1, 2, 3})});
  EXPECT_TRUE(std::isnan(losses.of_each_N[1].item<double>()));
  EXPECT_FALSE(std::isnan(losses.of_each_N[2].item<double>()));
  const Projection teacher{random_tensor({3, 6}, at::kFloat, 3), weight};
  EXPECT_TRUE(std::isnan(kl_divergence({{hidden, weight}, teacher}).sum.item<double>()));
}

TEST(TokenLosses, RefuseWhatDoesNotFit) {
  const auto hidden = random_tensor({3, 6}, at::kFloat, 1),
             weight = random_tensor({37, 6}, at::kFloat, 2);
  EXPECT_THAT(error_of([&] {
                cross_entropy({{hidden, weight}, labels_of({1, 37, 2})});
              }),
              HasSubstr("label 37 of token 1 is outside of the vocabulary of 37"));
  EXPECT_THAT(error_of([&] {
                cross_entropy({{hidden, weight}, labels_of({1})});
              }),
              HasSubstr("one for each of 3 tokens"));
  EXPECT_THAT(error_of([&] {
                kl_divergence({{hidden, weight}, {hidden, weight.narrow(0, 0, 36)}});
              }),
              HasSubstr("must agree in tokens and vocabulary"));
  EXPECT_THAT(
      error_of([&] {
        kl_divergence({.student = {hidden, weight}, .teacher = {hidden, weight}, .temperature = 0});
      }),
      HasSubstr("a temperature of 0"));
  EXPECT_THAT(error_of([&] {
                top_k_divergence({{hidden, weight},
                                  at::zeros({3, 1}, at::TensorOptions().dtype(at::kLong)),
                                  at::full({3, 1}, 1.5)});
              }),
              HasSubstr("1.5 of token 0 is no probability"));
}

}  // namespace
}  // namespace hylo::kernels
