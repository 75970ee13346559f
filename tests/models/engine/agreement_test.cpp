// Two small models beside each other: by hand, by identity, and against a plain computation from
// the logits in float64.
#include "models/engine/agreement.h"

#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>

#include <cmath>

#include "models/weights/checkpoint.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using ::testing::DoubleNear;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pointwise;
using tests::error_of;

constexpr int64_t vocabulary = 37;

ModelConfig small_config(size_t num_layers = 2, const RopeScaling& scaling = {}) {
  AttentionSpec attention{.num_heads = 3,
                          .num_kv_heads = 1,
                          .head_width = 6,
                          .input_bias = true,
                          .rope = {.width = 6, .scaling = scaling}};
  ModelConfig config{.vocabulary_size = vocabulary,
                     .width = 15,
                     .max_positions = 2048,
                     .bos = {},
                     .eos = {},
                     .pad = {}};
  config.layers.resize(num_layers, {attention, SwiGluSpec{.width = 13}});
  return config;
}

Decoder decoder_of(const ModelConfig& config, uint64_t seed,
                   NumberType type = NumberType::Float32) {
  return {config, random_weights(config, type, seed)};
}

std::vector<int32_t> random_tokens(int64_t count, uint64_t seed) {
  CounterRandom random(seed);
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < count; ++i) {
    tokens.push_back(static_cast<int32_t>(random.below(vocabulary)));
  }
  return tokens;
}

/// The whole sequence in one call.
struct InOneCall {
  std::vector<std::vector<double>> logits;
  std::vector<at::Tensor> after_layer;
};
std::vector<std::vector<double>> rows_of(const at::Tensor& x_NW) {
  const auto x = x_NW.to(at::kDouble).contiguous();
  std::vector<std::vector<double>> rows;
  for (int64_t i = 0; i < x.size(0); ++i) {
    const double* row = x.const_data_ptr<double>() + i * x.size(1);
    rows.emplace_back(row, row + x.size(1));
  }
  return rows;
}
InOneCall in_one_call(const Decoder& decoder, const std::vector<int32_t>& tokens) {
  const c10::InferenceMode no_gradients;
  Cache cache(decoder.config(), {.type = decoder.type(), .page_tokens = 16, .max_tokens = 4096});
  auto sequence = cache.new_sequence();
  const auto out = decoder.forward(std::span(tokens).first(tokens.size() - 1),
                                   {{{&sequence, std::ssize(tokens) - 1}}}, {.keep_hidden = true});
  InOneCall found{rows_of(decoder.logits(out.normed_ND, kernels::RowGroups::Free)), {}};
  for (size_t i = 1; i < out.hidden_ND.size(); ++i) found.after_layer.push_back(out.hidden_ND[i]);
  found.after_layer.push_back(out.last_hidden_ND);
  return found;
}

std::vector<double> softmax(const std::vector<double>& logits) {
  std::vector<double> p;
  double sum = 0;
  for (const double logit : logits) sum += p.emplace_back(std::exp(logit));
  for (double& x : p) x /= sum;
  return p;
}

double cosine(const std::vector<double>& a, const std::vector<double>& b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / std::sqrt(aa) / std::sqrt(bb);
}

/// From the definitions, row by row.
Agreement plainly(const Decoder& teacher, const Decoder& student,
                  const std::vector<int32_t>& tokens, int64_t num_scored) {
  const auto t = in_one_call(teacher, tokens), s = in_one_call(student, tokens);
  Agreement sum{.num_tokens = num_scored, .layer_cosines = {}};
  sum.layer_cosines.resize(t.after_layer.size());
  for (size_t i = tokens.size() - 1 - num_scored; i + 1 < tokens.size(); ++i) {
    const auto p = softmax(t.logits[i]), q = softmax(s.logits[i]);
    for (size_t w = 0; w < p.size(); ++w) sum.kl_nats += p[w] * std::log(p[w] / q[w]);
    sum.num_same_top +=
        std::ranges::max_element(p) - p.begin() == std::ranges::max_element(q) - q.begin();
    sum.teacher_log_likelihood += std::log(p[tokens[i + 1]]);
    sum.student_log_likelihood += std::log(q[tokens[i + 1]]);
    for (size_t l = 0; l < t.after_layer.size(); ++l) {
      sum.layer_cosines[l] += cosine(rows_of(t.after_layer[l])[i], rows_of(s.after_layer[l])[i]);
    }
  }
  return sum;
}

void expect_near(const Agreement& found, const Agreement& expected, double tolerance) {
  EXPECT_EQ(found.num_tokens, expected.num_tokens);
  EXPECT_NEAR(found.kl_nats, expected.kl_nats, tolerance);
  EXPECT_EQ(found.num_same_top, expected.num_same_top);
  EXPECT_NEAR(found.teacher_log_likelihood, expected.teacher_log_likelihood, tolerance);
  EXPECT_NEAR(found.student_log_likelihood, expected.student_log_likelihood, tolerance);
  EXPECT_THAT(found.layer_cosines, Pointwise(DoubleNear(tolerance), expected.layer_cosines));
}

/// One number wide and without layers: the logits of every token are the two rows of the head.
Decoder coin(float heads, float tails) {
  ModelConfig config{.vocabulary_size = 2,
                     .width = 1,
                     .layers = {},
                     .norm = {.epsilon = 0},
                     .max_positions = 16,
                     .bos = {},
                     .eos = {},
                     .pad = {}};
  auto weights = random_weights(config, NumberType::Float32, 1);
  weights.embedding_WD.fill_(1);
  weights.head_WD = at::tensor({heads, tails}, at::kFloat).view({2, 1});
  return {config, std::move(weights)};
}

class TwoModels : public testing::Test {
 protected:
  /// Small models on a machine that tests share.
  void SetUp() override { Engine::set_num_threads(1); }
};

TEST_F(TwoModels, OfACoinAgreeAsWorkedOutByHand) {
  // The teacher says 3/4, 1/4, the student 1/2, 1/2; tokens 0, 1, 1 are predicted.
  const auto teacher = coin(std::log(3.0F), 0), student = coin(0, 0);
  const auto found = AgreementMeter(teacher, student, {}).measure(std::vector{0, 0, 1, 1}, 3);
  const double kl = 0.75 * std::log(1.5) + 0.25 * std::log(0.5);
  EXPECT_NEAR(found.kl_nats, 3 * kl, 1e-6);
  EXPECT_EQ(found.num_same_top, 3);  // of two equal ones the first counts
  EXPECT_NEAR(found.teacher_log_likelihood, std::log(0.75) + 2 * std::log(0.25), 1e-6);
  EXPECT_NEAR(found.student_log_likelihood, 3 * std::log(0.5), 1e-6);
  // The other way round: KL is not symmetric.
  const auto back = AgreementMeter(student, teacher, {}).measure(std::vector{0, 0, 1, 1}, 3);
  EXPECT_NEAR(back.kl_nats, 3 * (0.5 * std::log(2.0 / 3) + 0.5 * std::log(2.0)), 1e-6);
  const auto tails = coin(0, 1);
  EXPECT_EQ(AgreementMeter(teacher, tails, {}).measure(std::vector{0, 0}, 1).num_same_top, 0);
}

TEST_F(TwoModels, ThatAreOneAgreePerfectly) {
  const auto tokens = random_tokens(700, 3);
  for (const auto type : {NumberType::Float32, NumberType::BFloat16}) {
    for (const auto mode : {NumericMode::Exact, NumericMode::Stable}) {
      const auto decoder = decoder_of(small_config(), 1, type);
      const auto found = AgreementMeter(decoder, decoder, {.mode = mode}).measure(tokens, 699);
      EXPECT_EQ(found.kl_nats, 0);
      EXPECT_EQ(found.num_same_top, 699);
      EXPECT_THAT(found.layer_cosines, Pointwise(DoubleNear(1e-9), std::vector{699.0, 699.0}));
      EXPECT_EQ(found.student_log_likelihood, found.teacher_log_likelihood);
    }
  }
}

TEST_F(TwoModels, AgreeAsTheDefinitionsGiveFromTheLogits) {
  const auto teacher = decoder_of(small_config(), 1), student = decoder_of(small_config(), 2);
  AgreementMeter meter(teacher, student, {});
  // One token, a few, and more than one call reads; all of them scored, and a part.
  for (const auto& [length, num_scored] :
       std::vector<std::pair<int64_t, int64_t>>{{2, 1}, {30, 29}, {600, 599}, {600, 80}}) {
    const auto tokens = random_tokens(length, length);
    const auto expected = plainly(teacher, student, tokens, num_scored);
    EXPECT_GT(expected.kl_nats, 0);
    EXPECT_LT(expected.num_same_top, num_scored);
    expect_near(meter.measure(tokens, num_scored), expected, 2e-3);
  }
}

TEST_F(TwoModels, InBfloat16AgreeAsTheirLogitsDo) {
  const auto teacher = decoder_of(small_config(), 1, NumberType::BFloat16),
             student = decoder_of(small_config(), 2, NumberType::BFloat16);
  const auto tokens = random_tokens(40, 5);
  const auto found = AgreementMeter(teacher, student, {}).measure(tokens, 39);
  expect_near(found, plainly(teacher, student, tokens, 39), 1e-3);
}

TEST_F(TwoModels, HaveTheLossesThatTheEngineScores) {
  const auto teacher = decoder_of(small_config(), 1), student = decoder_of(small_config(), 2);
  const EngineOptions exact{.mode = NumericMode::Exact};
  const ScoreJob job{.tokens = random_tokens(900, 9), .num_scored = 700};
  const auto found = AgreementMeter(teacher, student, exact).measure(job.tokens, 700);
  EXPECT_NEAR(found.teacher_log_likelihood,
              Engine(teacher, exact).score({&job, 1}).front().log_likelihood, 1e-9);
  EXPECT_NEAR(found.student_log_likelihood,
              Engine(student, exact).score({&job, 1}).front().log_likelihood, 1e-9);
}

TEST_F(TwoModels, WhoseFrequenciesDependOnTheLengthReadAWindowInOneCall) {
  const auto config = small_config(2, DynamicScaling{.factor = 2, .original_length = 64});
  const auto teacher = decoder_of(config, 1), student = decoder_of(config, 2);
  const auto tokens = random_tokens(600, 4);
  expect_near(AgreementMeter(teacher, student, {}).measure(tokens, 599),
              plainly(teacher, student, tokens, 599), 2e-3);
}

TEST_F(TwoModels, OfOtherShapesHaveNoCosines) {
  const auto teacher = decoder_of(small_config(3), 1), student = decoder_of(small_config(2), 1);
  const auto found = AgreementMeter(teacher, student, {}).measure(random_tokens(20, 1), 19);
  EXPECT_THAT(found.layer_cosines, IsEmpty());
  EXPECT_GT(found.kl_nats, 0);
  EXPECT_FALSE(has_comparable_layers(teacher.config(), student.config()));
}

TEST_F(TwoModels, OfOtherVocabulariesAndNothingToScoreAreErrors) {
  const auto decoder = decoder_of(small_config(), 1), other = coin(0, 1);
  EXPECT_THAT(error_of([&] { AgreementMeter(decoder, other, {}); }),
              HasSubstr("predict 37 and 2 tokens"));
  AgreementMeter meter(decoder, decoder, {});
  EXPECT_THAT(error_of([&] { (void)meter.measure(std::vector{1}, 1); }),
              HasSubstr("1 of 1 tokens"));
  EXPECT_THAT(error_of([&] {
                (void)meter.measure(std::vector{1, 2}, 0);
              }),
              HasSubstr("0 of 2 tokens"));
}

}  // namespace
}  // namespace hylo::models
