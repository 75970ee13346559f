// A teacher's likeliest tokens, kept: the same as asked for on the spot, and enough to learn from.
#include "models/distill/teacher_logits.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/models/distill/learner.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::error_of;
using hylo::tests::TemporaryFolder;
using namespace hylo::models::tests;
using ::testing::HasSubstr;
using TeacherLogits = TrainingTest;

at::Tensor kept_of(const Decoder& teacher, const TokenDocuments& documents, int64_t top_k) {
  std::vector<at::Tensor> parts;
  for_each_likeliest(teacher, documents, {.top_k = top_k, .context_length = 8},
                     [&](const at::Tensor& rows) { parts.push_back(rows); });
  return at::cat(parts);
}

TokenStream stream_of(const std::shared_ptr<const TokenDocuments>& documents) {
  return {{{"counting", documents, 1}},
          {.context_length = 8, .tokens_per_batch = 24, .seed = 2, .keeps_pieces = true}};
}

TrainingRows rows_of(const PackedBatch& batch) {
  return {batch.tokens_N, batch.labels_N, batch.sequence_rows};
}

TEST_F(TeacherLogits, ThatWereKeptAreThoseOfTheRowsOfABatch) {
  const Learner learner;
  const auto documents = counting_documents(20);
  const auto kept = kept_of(learner.teacher, *documents, 5);
  ASSERT_EQ(kept.size(0), documents->num_tokens());
  auto stream = stream_of(documents);
  for (int64_t i = 0; i < 12; ++i) {
    const auto batch = *stream.next();
    const auto live = unpacked(likeliest(learner.teacher, rows_of(batch), 5));
    std::vector<at::Tensor> parts;
    for (size_t s = 0; s < batch.places.size(); ++s) {
      parts.push_back(kept.narrow(0, batch.places[s].token, batch.sequence_rows[s]));
    }
    const auto stored = unpacked(at::cat(parts));
    EXPECT_TRUE(live.ids_Nk.equal(stored.ids_Nk));
    EXPECT_TRUE(at::allclose(live.probabilities_Nk, stored.probabilities_Nk, 1e-4, 1e-6));
  }
}

TEST_F(TeacherLogits, OfAllTokensButOneAreTheWholeDivergence) {
  const Learner learner;
  const auto batch = *stream_of(counting_documents(20)).next();
  auto rows = rows_of(batch);
  const PassOptions options{{.num_rows = std::ssize(batch.tokens_N)}, false};
  const TrainedModel whole(learner.config, learner.weights, {}),
      kept(learner.config, learner.weights, {});
  const auto of_whole =
      add_gradients(DistilLogits{}, &learner.teacher, whole.decoder(), rows, options);
  rows.likeliest_N2k = likeliest(learner.teacher, rows, 36);
  const auto of_kept =
      add_gradients(DistilLogits{.top_k = 36}, nullptr, kept.decoder(), rows, options);
  EXPECT_NEAR(of_whole.total, of_kept.total, 1e-5);
  const auto gradient = [](const TrainedModel& model) {
    return model.decoder().weights().embedding_WD.grad();
  };
  EXPECT_TRUE(at::allclose(gradient(whole), gradient(kept), 1e-3, 1e-6));
}

TEST_F(TeacherLogits, AreLearntFromWithoutTheTeacherAndResumed) {
  const Learner learner;
  const auto plan = [&] {
    auto made = learner.plan({stage_of("kept", DistilLogits{.top_k = 4}, 4)});
    made.likeliest = [&learner, documents = made.sources[0].documents](int64_t stage) {
      EXPECT_EQ(stage, 0);
      return NamedTensors{{"counting", kept_of(learner.teacher, *documents, 4)}};
    };
    made.teacher = nullptr;
    return made;
  };
  const TemporaryFolder whole_folder, folder;
  Training whole(plan(), whole_folder.path());
  Listener listener, first, second;
  whole.run(listener.events());
  EXPECT_GT(listener.steps.front().loss.divergence, 0);
  first.stop_after = 2;
  Training(plan(), folder.path()).run(first.events());
  Training resumed(plan(), folder.path());
  resumed.run(second.events());
  expect_same_weights(resumed.student(), whole.student());
}

TEST_F(TeacherLogits, ThatAreNotThereAreAskedFor) {
  const Learner learner;
  const TemporaryFolder folder;
  Training training(learner.plan({stage_of("kept", DistilLogits{.top_k = 4}, 2)}), folder.path());
  Listener listener;
  EXPECT_THAT(error_of([&] { training.run(listener.events()); }),
              HasSubstr("stage 'kept': nothing was kept of its teacher"));
  EXPECT_THAT(error_of([&] { kept_of(learner.teacher, *counting_documents(3), 37); }),
              HasSubstr("expected 1 to 36, below the vocabulary, found 37"));
}

TEST(TokenStreamThatKeepsPieces, CutsDocumentsEveryTTokensAndNowhereElse) {
  auto documents = std::make_shared<TokenDocuments>("t");
  for (int32_t d = 0; d < 7; ++d) {
    std::vector<int32_t> ids(static_cast<size_t>(5 + 4 * d), d);
    documents->add(ids);
  }
  auto stream = stream_of(documents);
  for (int64_t i = 0; i < 30; ++i) {
    const auto batch = *stream.next();
    ASSERT_EQ(batch.places.size(), batch.sequence_rows.size());
    EXPECT_LE(batch.tokens_N.size(), 24U);
    size_t row = 0;
    for (size_t s = 0; s < batch.places.size(); ++s) {
      const auto document = batch.tokens_N[row];
      EXPECT_EQ((batch.places[s].token - documents->first_token(document)) % 8, 0);
      row += static_cast<size_t>(batch.sequence_rows[s]);
    }
  }
}

}  // namespace
}  // namespace hylo::models
