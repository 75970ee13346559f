// Log-probabilities of single tokens.
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>

#include <cmath>
#include <numeric>

#include "models/engine/engine.h"
#include "models/weights/checkpoint.h"

namespace hylo::models {
namespace {

using ::testing::DoubleNear;
using ::testing::Pointwise;

constexpr int64_t vocabulary = 37;

Decoder small_decoder() {
  const AttentionSpec attention{
      .num_heads = 2, .num_kv_heads = 1, .head_width = 6, .rope = {.width = 6}};
  const ModelConfig config{.vocabulary_size = vocabulary,
                           .width = 15,
                           .layers = {{attention, SwiGluSpec{.width = 13}}},
                           .max_positions = 4096,
                           .bos = {},
                           .eos = {},
                           .pad = {}};
  return {config, random_weights(config, NumberType::Float32, 1)};
}

std::vector<int32_t> random_tokens(int64_t count, uint64_t seed) {
  CounterRandom random(seed);
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < count; ++i) {
    tokens.push_back(static_cast<int32_t>(random.below(vocabulary)));
  }
  return tokens;
}

/// Every prefix scored for its last token alone.
std::vector<double> one_by_one(Engine& engine, const ScoreJob& job) {
  std::vector<double> values;
  for (size_t end = job.tokens.size() - job.num_scored + 1; end <= job.tokens.size(); ++end) {
    const ScoreJob one{.tokens = {job.tokens.begin(), job.tokens.begin() + static_cast<long>(end)},
                       .num_scored = 1};
    values.push_back(engine.score({&one, 1}).front().log_likelihood);
  }
  return values;
}

class KeepEach : public testing::Test {
 protected:
  /// Small models on a machine that tests share.
  void SetUp() override { Engine::set_num_threads(1); }
};

TEST_F(KeepEach, GivesWhatEveryTokenScoresAloneInTextOrder) {
  const auto decoder = small_decoder();
  Engine engine(decoder, {.mode = NumericMode::Exact, .max_rows = 32});
  const ScoreJob job{.tokens = random_tokens(150, 2), .num_scored = 140, .keep_each = true};
  const auto score = engine.score({&job, 1}).front();
  ASSERT_TRUE(score.of_each);
  EXPECT_THAT(*score.of_each, Pointwise(DoubleNear(1e-9), one_by_one(engine, job)));
  EXPECT_EQ(std::accumulate(score.of_each->begin(), score.of_each->end(), 0.0),
            score.log_likelihood);
}

TEST_F(KeepEach, SequencesOfManyLengthsThatShareTheirBeginningsDoNotMixTheirTokens) {
  const auto decoder = small_decoder();
  Engine engine(decoder, {.mode = NumericMode::Exact, .max_rows = 64});
  const auto beginning = random_tokens(40, 3);
  std::vector<ScoreJob> jobs;
  for (int64_t i = 0; i < 7; ++i) {
    auto tokens = i % 2 == 0 ? beginning : std::vector<int32_t>{};
    const auto own = random_tokens(1 + 23 * i, 10 + i);
    tokens.insert(tokens.end(), own.begin(), own.end());
    tokens.push_back(1);
    const auto num_scored = std::ssize(tokens) - 1;
    jobs.push_back({.tokens = tokens, .num_scored = num_scored, .keep_each = i != 4});
  }
  const auto together = engine.score(jobs);
  for (size_t i = 0; i < jobs.size(); ++i) {
    const auto alone = engine.score({&jobs[i], 1}).front();
    EXPECT_EQ(together[i].of_each, alone.of_each);
    EXPECT_EQ(together[i].of_each.has_value(), i != 4);
    const auto num_kept = alone.of_each ? std::ssize(*alone.of_each) : 0;
    EXPECT_EQ(num_kept, i != 4 ? jobs[i].num_scored : 0);
  }
}

}  // namespace
}  // namespace hylo::models
