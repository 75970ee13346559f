// Preferences: the loss by hand, its gradients, pairs as they are cut, and trainings of pairs.
#include "models/distill/preference.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/log_softmax.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "models/distill/packed_rows.h"
#include "tests/models/distill/learner.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::error_of;
using hylo::tests::TemporaryFolder;
using namespace hylo::models::tests;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using PreferenceTraining = TrainingTest;

std::vector<TrainingToken> text_of(int64_t prompt, const std::vector<int32_t>& completion,
                                   int32_t first = 1) {
  std::vector<TrainingToken> tokens;
  for (int64_t i = 0; i < prompt; ++i) {
    tokens.emplace_back(static_cast<int32_t>((first + i) % 37), false);
  }
  for (const auto id : completion) tokens.emplace_back(id, true);
  return tokens;
}

std::vector<int32_t> ids_of(const std::vector<TrainingToken>& tokens) {
  std::vector<int32_t> ids;
  for (const auto& token : tokens) ids.push_back(token.id());
  return ids;
}

/// The better text goes on counting, the worse one repeats itself.
std::shared_ptr<TokenDocuments> counting_pairs(int32_t count) {
  auto pairs = std::make_shared<TokenDocuments>("tokens of the test");
  for (int32_t i = 0; i < count; ++i) {
    const auto next = [&](int32_t n) { return (i + 2 + n) % 37; };
    pairs->add_pair(text_of(2 + i % 3, {next(1), next(2), next(3)}, i),
                    text_of(2 + i % 3, {next(0), next(0)}, i));
  }
  return pairs;
}

Stage prefer_stage(int64_t steps, const Prefer& objective = {.max_prompt_tokens = 4}) {
  auto stage = stage_of("prefer", objective, steps);
  stage.checkpoint_every = 2;
  return stage;
}

TrainingPlan plan_of(const Learner& learner, std::vector<Stage> stages) {
  auto plan = learner.plan(std::move(stages));
  plan.sources.push_back({"pairs", counting_pairs(20), 1});
  plan.held_out_pairs = counting_pairs(6);
  return plan;
}

TEST(PairLoss, IsMinusTheLogarithmOfTheSigmoidAndItsSlopeFollows) {
  const auto at_0 = pair_loss({.beta = 0.1}, 0);
  EXPECT_NEAR(at_0.loss, std::log(2), 1e-15);
  EXPECT_NEAR(at_0.slope, -0.05, 1e-15);
  const auto [loss, slope] = pair_loss({.beta = 0.5}, 2);
  EXPECT_NEAR(loss, std::log(1 + std::exp(-1)), 1e-15);
  EXPECT_NEAR(slope, -0.5 / (1 + std::exp(1)), 1e-15);
}

TEST(PairLoss, WithLabelSmoothingMixesBothWaysRound) {
  const auto way = pair_loss({.beta = 0.5}, 3), other = pair_loss({.beta = 0.5}, -3);
  const auto mixed = pair_loss({.beta = 0.5, .label_smoothing = 0.1}, 3);
  EXPECT_NEAR(mixed.loss, 0.9 * way.loss + 0.1 * other.loss, 1e-15);
  EXPECT_NEAR(mixed.slope, 0.9 * way.slope - 0.1 * other.slope, 1e-15);
  EXPECT_NEAR(pair_loss({.beta = 1}, -2000).loss, 2000, 1e-9);
}

TEST(PairOf, TextsThatFitIsWhole) {
  TokenDocuments pairs("t");
  pairs.add_pair(text_of(3, {7, 8}), text_of(3, {9}));
  const auto pair = pair_of(pairs.at(0), {.context_length = 5, .max_prompt_tokens = 1});
  EXPECT_THAT(ids_of(pair.chosen), ElementsAre(1, 2, 3, 7, 8));
  EXPECT_THAT(ids_of(pair.rejected), ElementsAre(1, 2, 3, 9));
  EXPECT_FALSE(pair.is_cut);
}

TEST(PairOf, TextsThatAreTooLongLosesTheBeginningOfBothPromptsAndThenTheirEnds) {
  TokenDocuments pairs("t");
  pairs.add_pair(text_of(4, {7, 8, 9}), text_of(4, {10}));
  const auto pair = pair_of(pairs.at(0), {.context_length = 4, .max_prompt_tokens = 2});
  EXPECT_THAT(ids_of(pair.chosen), ElementsAre(3, 4, 7, 8));
  EXPECT_THAT(ids_of(pair.rejected), ElementsAre(3, 4, 10));
  EXPECT_TRUE(pair.is_cut);
}

TEST(TokenDocuments, APairOfWhichATextTeachesNothingIsLeftOutAndCounted) {
  TokenDocuments pairs("t");
  pairs.add_pair(text_of(3, {7}), text_of(3, {}));
  EXPECT_EQ(pairs.size(), 0);
  EXPECT_EQ(pairs.num_without_labels(), 1);
}

TokenStream stream_of(uint64_t seed) {
  return {{{"pairs", counting_pairs(11), 1}},
          {.context_length = 8,
           .tokens_per_batch = 30,
           .seed = seed,
           .num_epochs = 3,
           .max_prompt_tokens = 4}};
}

TEST(TokenStreamOfPairs, GivesWholePairsSideBySideEachOnceAnEpoch) {
  auto stream = stream_of(5);
  std::vector<int64_t> documents;
  while (const auto batch = stream.next()) {
    ASSERT_EQ(batch->sequence_rows.size(), 2 * batch->pairs.size());
    EXPECT_LE(batch->tokens_N.size(), 30U);
    for (const auto& pair : batch->pairs) documents.push_back(pair.document);
    for (size_t i = 0; i < batch->pairs.size(); ++i) {
      EXPECT_EQ(batch->sequence_rows[2 * i], batch->sequence_rows[2 * i + 1] + 1);
    }
  }
  ASSERT_GE(documents.size(), 22U);
  EXPECT_EQ(std::set(documents.begin(), documents.begin() + 11).size(), 11U);
  EXPECT_EQ(std::set(documents.begin() + 11, documents.begin() + 22).size(), 11U);
}

TEST(TokenStreamOfPairs, GoesOnFromAnyPosition) {
  for (int64_t at = 0; at < 5; ++at) {
    auto first = stream_of(5), second = stream_of(5);
    for (int64_t i = 0; i < at; ++i) (void)first.next();
    second.seek(Json::parse(first.position().dump()));
    for (int64_t i = 0; i < 3; ++i) {
      const auto a = first.next(), b = second.next();
      EXPECT_EQ(a->tokens_N, b->tokens_N);
      EXPECT_EQ(a->pairs, b->pairs);
    }
  }
}

TEST(TokenStreamOfPairs, DoesNotMixThemWithOtherDocuments) {
  EXPECT_THAT(error_of([] {
                TokenStream({{"texts", counting_documents(9), 1}, {"pairs", counting_pairs(9), 1}},
                            {.context_length = 8, .tokens_per_batch = 16});
              }),
              HasSubstr("source 'pairs': expected documents, found pairs of preferences"));
}

std::vector<at::Tensor> gradients_of(const ModelConfig& config, const ModelWeights& weights) {
  std::vector<at::Tensor> gradients;
  visit_weights(config, weights, [&](const WeightSlot&, const at::Tensor& tensor) {
    gradients.push_back(tensor.grad().defined() ? tensor.grad().clone() : at::Tensor());
    if (tensor.grad().defined()) tensor.mutable_grad().zero_();
  });
  return gradients;
}

/// The definition, on whole logits with LibTorch's own gradients, in float64.
TEST(AddGradients, OfPreferencesAreThoseOfTheDefinition) {
  const auto config = config_of({{attention, dense}, {gated_delta, dense}});
  auto weights = random_weights(config, NumberType::Float32, 4);
  visit_weights(config, weights, [](const WeightSlot&, at::Tensor& tensor) {
    tensor = tensor.to(at::kDouble).requires_grad_(true);
  });
  const Decoder student(config, weights);
  PackedBatch batch;
  TokenDocuments pairs("t");
  pairs.add_pair(text_of(3, {7, 8, 20}), text_of(3, {9}));
  pairs.add_pair(text_of(2, {5}), text_of(2, {30, 31}));
  for (int64_t i = 0; i < 2; ++i) append_pair(batch, pair_of(pairs.at(i), {8, 4}), {});
  const std::vector<double> reference{-9, -3, -4.5, -6};
  const TrainingRows rows{.tokens_N = batch.tokens_N,
                          .labels_N = batch.labels_N,
                          .sequence_rows = batch.sequence_rows,
                          .reference = reference};
  const Prefer objective{.beta = 0.7, .label_smoothing = 0.2, .max_prompt_tokens = 4};
  const auto parts = add_gradients(objective, nullptr, student, rows, {.counts = {.num_pairs = 2}});
  const auto ours = gradients_of(config, weights);

  const auto normed = student.forward(batch.tokens_N, packed_batch(batch.sequence_rows)).normed_ND;
  const auto log_p = at::log_softmax(normed.matmul(student.head().t()), -1);
  std::vector<at::Tensor> likelihoods;
  int64_t row = 0;
  for (const auto count : batch.sequence_rows) {
    auto sum = log_p.sum() * 0;
    for (const auto end = row + count; row < end; ++row) {
      const auto label = batch.labels_N[static_cast<size_t>(row)];
      if (label >= 0) sum = sum + log_p[row][label];
    }
    likelihoods.push_back(sum);
  }
  auto loss = log_p.sum() * 0;
  for (size_t i = 0; i < 4; i += 2) {
    const auto margin = likelihoods[i] - reference[i] - (likelihoods[i + 1] - reference[i + 1]);
    loss = loss - (0.8 * at::log_sigmoid(0.7 * margin) + 0.2 * at::log_sigmoid(-0.7 * margin)) / 2;
  }
  loss.backward();
  EXPECT_NEAR(parts.total, loss.item<double>(), 1e-12);
  const auto theirs = gradients_of(config, weights);
  for (size_t i = 0; i < ours.size(); ++i) {
    ASSERT_EQ(ours[i].defined(), theirs[i].defined());
    EXPECT_TRUE(!ours[i].defined() || at::allclose(ours[i], theirs[i], 1e-8, 1e-12)) << i;
  }
}

TEST_F(PreferenceTraining, TeachesToPreferWhatIsBetter) {
  const Learner learner;
  const TemporaryFolder folder;
  auto stage = prefer_stage(40);
  stage.peak_learning_rate = 1e-3;
  Training training(plan_of(learner, {stage}), folder.path());
  Listener listener;
  std::vector<PreferenceValidation> held_out;
  auto events = listener.events();
  events.on_preferences = [&](const PreferenceValidation& v) { held_out.push_back(v); };
  training.run(events);
  // The student is its own reference: before the first step nothing is preferred.
  EXPECT_NEAR(listener.steps.front().loss.total, std::log(2), 1e-6);
  EXPECT_NEAR(listener.steps.front().loss.margin, 0, 1e-4);
  EXPECT_GT(listener.steps.back().loss.margin, 1);
  EXPECT_EQ(listener.steps.back().loss.accuracy, 1);
  ASSERT_EQ(held_out.size(), 1U);
  EXPECT_EQ(held_out[0].score.num_pairs, 6);
  EXPECT_GT(held_out[0].score.accuracy, 0.8);
  EXPECT_LT(held_out[0].score.loss, std::log(2));
}

TEST_F(PreferenceTraining, FromAnotherReferenceMarginsAreNotZeroAtTheStart) {
  const Learner learner;
  const TemporaryFolder folder;
  Training training(
      plan_of(learner,
              {prefer_stage(1, {.reference = Prefer::Reference::Teacher, .max_prompt_tokens = 4})}),
      folder.path());
  Listener listener;
  training.run(listener.events());
  EXPECT_GT(std::abs(listener.steps.front().loss.margin), 1e-2);
}

TEST_F(PreferenceTraining, ABatchWhoseLossIsNotFiniteIsRecordedWithWhatTheReferenceGaveIt) {
  const Learner learner;
  const TemporaryFolder folder;
  auto stage = prefer_stage(9);
  stage.peak_learning_rate = 1e30;
  stage.checkpoint_every = 0;
  Training training(plan_of(learner, {stage}), folder.path());
  Listener listener;
  error_of([&] { training.run(listener.events()); });
  const auto record =
      read_json_file(folder / fmt::format("not-finite-prefer-{}.json", listener.steps.size()));
  const auto& pairs = record.at("pairs");
  ASSERT_GT(pairs.size(), 0U);
  EXPECT_EQ(record.at("sequence_rows").size(), 2 * pairs.size());
  // The student as it was is the reference: asked again, it says the same.
  const Decoder reference(learner.config, learner.weights);
  const auto likelihoods =
      reference_likelihoods(reference, *counting_pairs(20), {8, 4}, stage.tokens_per_pass);
  for (size_t i = 0; i < pairs.size(); ++i) {
    EXPECT_EQ(pairs[i].at("source"), "pairs");
    const auto document = pairs[i].at("document").get<int64_t>();
    for (int64_t text : {0, 1}) {
      EXPECT_EQ(record.at("reference")[2 * i + static_cast<size_t>(text)].get<double>(),
                likelihoods[document][text].item<double>());
    }
  }
}

TEST_F(PreferenceTraining, StoppedAndTakenUpItEndsWithTheSameBits) {
  const Learner learner;
  const std::vector<Stage> stages{stage_of("count", NextToken{}, 2), prefer_stage(4)};
  const TemporaryFolder whole_folder;
  Training whole(plan_of(learner, stages), whole_folder.path());
  Listener listener;
  whole.run(listener.events());
  for (size_t stop = 1; stop < 6; ++stop) {
    SCOPED_TRACE(stop);
    const TemporaryFolder folder;
    Listener first, second;
    first.stop_after = stop;
    Training(plan_of(learner, stages), folder.path()).run(first.events());
    Training resumed(plan_of(learner, stages), folder.path());
    resumed.run(second.events());
    expect_same_weights(resumed.student(), whole.student());
    EXPECT_EQ(second.steps.back().loss.margin, listener.steps.back().loss.margin);
  }
}

TEST_F(PreferenceTraining, AsksForPairsAndForNothingElse) {
  const Learner learner;
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { Training(learner.plan({prefer_stage(2)}), folder.path()); }),
              HasSubstr("stage 'prefer' (prefer): the recipe's data hold no pairs of preferences"));
  auto stage = stage_of("count", NextToken{}, 2);
  stage.data = {{"pairs", 1.0}};
  EXPECT_THAT(error_of([&] { Training(plan_of(learner, {stage}), folder.path()); }),
              HasSubstr("source 'pairs' holds pairs of preferences"));
}

}  // namespace
}  // namespace hylo::models
