// The engine on small random models: however sequences are grouped, cut and batched, the numbers
// are those of each sequence alone.
#include "models/engine/engine.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_softmax.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "models/weights/checkpoint.h"
#include "tests/models/hybrids.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using tests::joined;
using tests::random_tokens;

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using hylo::tests::error_of;

/// Two ways to add up the same products in float32.
constexpr double float32_tolerance = 1e-5;

/// Widths that are no multiple of anything; the second layer sees 9 tokens.
ModelConfig small_config(const RopeScaling& scaling = {}) {
  AttentionSpec attention{.num_heads = 3,
                          .num_kv_heads = 1,
                          .head_width = 6,
                          .input_bias = true,
                          .rope = {.width = 6, .scaling = scaling}};
  const SwiGluSpec feed_forward{.width = 13};
  ModelConfig config{.vocabulary_size = 37,
                     .width = 15,
                     .layers = {{attention, feed_forward}},
                     .max_positions = 256,
                     .bos = {},
                     .eos = {},
                     .pad = {}};
  attention.window = 9;
  config.layers.push_back({attention, feed_forward});
  return config;
}

Decoder small_decoder(const ModelConfig& config = small_config(), uint64_t seed = 1,
                      NumberType type = NumberType::Float32) {
  return {config, random_weights(config, type, seed)};
}

/// The log-likelihood by one call over the whole sequence.
double in_one_call(const Decoder& decoder, const ScoreJob& job) {
  const c10::InferenceMode no_gradients;
  Cache cache(decoder.config(), {.type = decoder.type(), .page_tokens = 16, .max_tokens = 4096});
  auto sequence = cache.new_sequence();
  const auto num_inputs = static_cast<int64_t>(job.tokens.size()) - 1;
  const auto out = decoder.forward(std::span(job.tokens).first(job.tokens.size() - 1),
                                   {{{&sequence, num_inputs}}});
  const auto log_probs_NW =
      at::log_softmax(decoder.logits(out.normed_ND, kernels::RowGroups::Free).to(at::kDouble), -1);
  double sum = 0;
  for (int64_t i = num_inputs - job.num_scored; i < num_inputs; ++i) {
    sum += log_probs_NW[i][job.tokens[i + 1]].item<double>();
  }
  return sum;
}

/// Sequences as evaluations have them: worked examples before several contexts, choices after one
/// context, contexts of many lengths.
std::vector<ScoreJob> many_jobs() {
  std::vector<ScoreJob> jobs;
  for (int64_t group = 0; group < 6; ++group) {
    const auto context = random_tokens(1 + group * 11 % 23, 100 + group);
    for (int64_t choice = 0; choice < 4; ++choice) {
      const int64_t length = choice == 0 ? 1 : choice * (group % 3 + 1);  // one token among them
      jobs.push_back({joined(context, random_tokens(length, 1000 + 10 * group + choice)), length});
    }
  }
  const auto twice = random_tokens(20, 7);
  jobs.push_back({twice, 5});
  jobs.push_back({twice, 5});                             // the same job again
  jobs.push_back({{twice.begin(), twice.end() - 1}, 3});  // what another begins with
  auto other_end = twice;
  other_end.back() = (other_end.back() + 1) % 37;
  jobs.push_back({other_end, 19});  // equal inputs, another last token, all scored
  jobs.push_back({random_tokens(90, 8), 89});
  const auto examples = random_tokens(70, 9);
  for (int64_t question = 0; question < 3; ++question) {
    const auto context = joined(examples, random_tokens(9 + question, 300 + question));
    for (int32_t letter = 0; letter < 4; ++letter) {
      jobs.push_back({joined(context, {letter}), 1});
      jobs.push_back({joined(context, {letter, 5, letter}), 3});
    }
  }
  jobs.push_back({examples, 69});
  return jobs;
}

std::vector<double> log_likelihoods(const std::vector<SequenceScore>& scores) {
  std::vector<double> values;
  for (const auto& score : scores) values.push_back(score.log_likelihood);
  return values;
}

std::vector<double> scored(const Decoder& decoder, const std::vector<ScoreJob>& jobs,
                           const EngineOptions& options = {}) {
  Engine engine(decoder, options);
  auto values = log_likelihoods(engine.score(jobs));
  EXPECT_EQ(engine.cache().bytes(), 0);  // every page has been given back
  return values;
}

std::vector<double> scored_alone(const Decoder& decoder, const std::vector<ScoreJob>& jobs,
                                 const EngineOptions& options) {
  std::vector<double> values;
  for (const auto& job : jobs) values.push_back(scored(decoder, {job}, options).front());
  return values;
}

void expect_near(const std::vector<double>& found, const std::vector<double>& expected,
                 double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], tolerance * std::max(1.0, std::abs(expected[i]))) << i;
  }
}

TEST(EngineScore, HoweverSharedAndCutItIsTheNumberOfOneCall) {
  const auto decoder = small_decoder();
  const auto jobs = many_jobs();
  std::vector<double> expected;
  for (const auto& job : jobs) expected.push_back(in_one_call(decoder, job));
  for (const int64_t max_rows : {1, 64, 2048}) {
    for (const bool share : {false, true}) {
      SCOPED_TRACE(fmt::format("max_rows {}, share_prefixes {}", max_rows, share));
      expect_near(scored(decoder, jobs, {.max_rows = max_rows, .share_prefixes = share}), expected,
                  float32_tolerance);
    }
  }
}

TEST(EngineScore, InExactModeNeitherSharingNorCutsNorNeighboursChangeABit) {
  for (const auto type : {NumberType::Float32, NumberType::BFloat16}) {
    const auto decoder = small_decoder(small_config(), 1, type);
    const auto jobs = many_jobs();
    const auto expected = scored_alone(decoder, jobs, {.mode = NumericMode::Exact});
    for (const int64_t max_rows : {7, 64, 2048}) {
      for (const bool share : {false, true}) {
        const EngineOptions exact{
            .mode = NumericMode::Exact, .max_rows = max_rows, .share_prefixes = share};
        EXPECT_EQ(scored(decoder, jobs, exact), expected)
            << "max_rows " << max_rows << ", share_prefixes " << share;
      }
    }
  }
}

TEST(EngineScore, GreedyMeansThatEveryScoredTokenIsTheArgMax) {
  const auto decoder = small_decoder();
  Engine engine(decoder, {.mode = NumericMode::Exact});
  std::vector<int32_t> written;
  const auto prompt = random_tokens(6, 3);
  engine.generate(std::vector<GenerateJob>{{.prompt = prompt, .max_new_tokens = 5}},
                  [&](size_t, Generated out) { written = out.tokens; });
  const auto right = joined(prompt, written);
  auto wrong_in_the_middle = right, wrong_before = right;
  wrong_in_the_middle[8] = (right[8] + 1) % 37;
  wrong_before[7] = (right[7] + 1) % 37;
  const auto scores = engine.score(
      std::vector<ScoreJob>{{right, 5}, {wrong_in_the_middle, 5}, {right, 1}, {wrong_before, 5}});
  EXPECT_TRUE(scores[0].is_greedy);
  EXPECT_FALSE(scores[1].is_greedy);
  EXPECT_TRUE(scores[2].is_greedy);
  EXPECT_FALSE(scores[3].is_greedy);
}

TEST(EngineScore, APrefixIsPaidByTheFirstThatBeginsWithIt) {
  const auto decoder = small_decoder();
  const auto context = random_tokens(10, 1);
  const std::vector<ScoreJob> jobs{{joined(context, {1, 2}), 2},
                                   {{4, 5, 6}, 1},
                                   {joined(context, {3, 4, 5}), 3},
                                   {joined(context, {7}), 1}};
  // Inputs of 11, 2, 12 and 10 rows; three begin with the context of 10.
  EXPECT_THAT(Engine(decoder, {}).rows_added(jobs), ElementsAre(11, 2, 2, 0));
  EXPECT_THAT(Engine(decoder, {.share_prefixes = false}).rows_added(jobs),
              ElementsAre(11, 2, 12, 10));
}

TEST(EngineScore, FrequenciesThatDependOnTheCallForbidSharingAndCutting) {
  const auto decoder = small_decoder(small_config(DynamicScaling{4, 16}));
  Engine engine(decoder, {.max_rows = 7});
  EXPECT_FALSE(engine.shares_prefixes());
  const auto jobs = many_jobs();
  std::vector<double> expected;
  for (const auto& job : jobs) expected.push_back(in_one_call(decoder, job));
  expect_near(log_likelihoods(engine.score(jobs)), expected, float32_tolerance);
}

TEST(EngineScore, NoJobsAreNoScores) {
  const auto decoder = small_decoder();
  EXPECT_TRUE(Engine(decoder, {}).score({}).empty());
}

TEST(EngineScore, JobsThatCannotBeAreRefusedAndTheEngineGoesOn) {
  const auto decoder = small_decoder();
  Engine engine(decoder, {});
  for (const auto& job : {ScoreJob{{1, 2}, 0}, ScoreJob{{1, 2}, 2}, ScoreJob{{1}, 1}, ScoreJob{}}) {
    EXPECT_THAT(error_of([&] { (void)engine.score(std::vector{job}); }),
                HasSubstr("at least one must be, and one must come before"));
  }
  EXPECT_THAT(error_of([&] {
                (void)engine.score(std::vector<ScoreJob>{{{1, 2, 3}, 1}, {{1, 37, 2}, 1}});
              }),
              HasSubstr("token 37 at row"));
  EXPECT_EQ(engine.cache().bytes(), 0);
  const ScoreJob good{{1, 2, 3}, 2};
  EXPECT_NEAR(engine.score(std::vector{good})[0].log_likelihood, in_one_call(decoder, good), 1e-5);
}

TEST(EngineScore, AModelThatGivesNanScoresNan) {
  const auto config = small_config();
  auto weights = random_weights(config, NumberType::Float32, 1);
  weights.embedding_WD.select(0, 5).fill_(std::numeric_limits<double>::quiet_NaN());
  const Decoder decoder(config, weights);
  const auto values = scored(decoder, {{{1, 5, 2}, 1}, {{1, 2, 3}, 1}});
  EXPECT_TRUE(std::isnan(values[0]));
  EXPECT_FALSE(std::isnan(values[1]));
}

TEST(EngineOptions, SizesMustBeAboveZero) {
  const auto decoder = small_decoder();
  EXPECT_THAT(error_of([&] { const Engine engine(decoder, {.max_rows = 0}); }),
              HasSubstr("max_rows 0"));
  EXPECT_THAT(error_of([&] { const Engine engine(decoder, {.max_sequences = -1}); }),
              HasSubstr("max_sequences -1"));
}

std::vector<Generated> generated(const Decoder& decoder, const std::vector<GenerateJob>& jobs,
                                 const EngineOptions& options = {}) {
  Engine engine(decoder, options);
  std::vector<Generated> out(jobs.size());
  std::vector<int> times(jobs.size(), 0);
  engine.generate(jobs, [&](size_t index, Generated result) {
    out.at(index) = std::move(result);
    ++times[index];
  });
  EXPECT_THAT(times, ::testing::Each(1));
  EXPECT_EQ(engine.cache().bytes(), 0);
  return out;
}

std::vector<std::vector<int32_t>> tokens_of(const std::vector<Generated>& out) {
  std::vector<std::vector<int32_t>> tokens;
  for (const auto& one : out) tokens.push_back(one.tokens);
  return tokens;
}

/// Greedy and sampled, of unlike lengths.
std::vector<GenerateJob> many_prompts() {
  std::vector<GenerateJob> jobs;
  for (int64_t i = 0; i < 24; ++i) {
    jobs.push_back({.prompt = random_tokens(1 + i % 13, 500 + i),
                    .max_new_tokens = 1 + i * 7 % 9,
                    .sampling = {.temperature = i % 2 == 0 ? 0.0 : 0.8, .top_k = 20},
                    .seed = static_cast<uint64_t>(i)});
  }
  return jobs;
}

/// Greedy decoding by calls over the whole sequence.
std::vector<int32_t> greedy_without_cache(const Decoder& decoder, std::vector<int32_t> tokens,
                                          int64_t count) {
  const c10::InferenceMode no_gradients;
  std::vector<int32_t> written;
  for (int64_t i = 0; i < count; ++i) {
    Cache cache(decoder.config(), {.type = decoder.type(), .max_tokens = 4096});
    auto sequence = cache.new_sequence();
    const auto rows = static_cast<int64_t>(tokens.size());
    const auto out = decoder.forward(tokens, {{{&sequence, rows}}});
    const auto logits = decoder.logits(out.normed_ND, kernels::RowGroups::Free)[rows - 1];
    written.push_back(static_cast<int32_t>(logits.argmax().item<int64_t>()));
    tokens.push_back(written.back());
  }
  return written;
}

TEST(EngineGenerate, GreedyIsTheArgMaxAfterTheWholeSequence) {
  const auto decoder = small_decoder();
  for (const int64_t length : {1, 8, 63, 64, 65}) {
    const auto prompt = random_tokens(length, length);
    EXPECT_THAT(generated(decoder, {{.prompt = prompt, .max_new_tokens = 12}})[0].tokens,
                ::testing::ElementsAreArray(greedy_without_cache(decoder, prompt, 12)));
  }
}

TEST(EngineGenerate, InExactModeABatchIsTheSameAsOneByOne) {
  for (const auto type : {NumberType::Float32, NumberType::BFloat16}) {
    const auto decoder = small_decoder(small_config(), 2, type);
    const auto jobs = many_prompts();
    const auto expected =
        tokens_of(generated(decoder, jobs, {.mode = NumericMode::Exact, .max_sequences = 1}));
    for (const auto& [rows, sequences] : {std::pair{2048, 64}, {2048, 5}, {3, 64}}) {
      EXPECT_EQ(tokens_of(generated(
                    decoder, jobs,
                    {.mode = NumericMode::Exact, .max_rows = rows, .max_sequences = sequences})),
                expected)
          << "max_rows " << rows << ", max_sequences " << sequences;
    }
    for (const size_t i : {0, 13, 23}) {
      EXPECT_EQ(generated(decoder, {jobs[i]}, {.mode = NumericMode::Exact})[0].tokens, expected[i]);
    }
  }
}

TEST(EngineGenerate, TheEndIsToldWithItsReason) {
  const auto decoder = small_decoder();
  const GenerateJob job{.prompt = random_tokens(5, 3), .max_new_tokens = 10};
  const auto all = generated(decoder, {job})[0];
  EXPECT_EQ(all.reason, EndReason::Length);
  ASSERT_EQ(all.tokens.size(), 10U);

  auto ends = job;
  ends.end_tokens = {36, all.tokens[3]};
  const auto first = std::ranges::find(all.tokens, all.tokens[3]) - all.tokens.begin();
  const auto ended = generated(decoder, {ends})[0];
  EXPECT_EQ(ended.reason, EndReason::EndToken);
  EXPECT_EQ(static_cast<int64_t>(ended.tokens.size()), first + 1);
  EXPECT_EQ(ended.tokens.back(), all.tokens[3]);

  auto finishes = job;
  std::vector<size_t> told;
  finishes.is_finished = [&](std::span<const int32_t> tokens) {
    told.push_back(tokens.size());
    EXPECT_EQ(tokens.back(), all.tokens[tokens.size() - 1]);
    return tokens.size() == 3;
  };
  const auto finished = generated(decoder, {finishes})[0];
  EXPECT_EQ(finished.reason, EndReason::Finished);
  EXPECT_EQ(finished.tokens.size(), 3U);
  EXPECT_THAT(told, ElementsAre(1, 2, 3));
}

TEST(EngineGenerate, NothingAskedForIsNothingWritten) {
  const auto decoder = small_decoder();
  const auto out = generated(
      decoder, {{.prompt = {1}, .max_new_tokens = 0}, {.prompt = {1}, .max_new_tokens = 1}});
  EXPECT_TRUE(out[0].tokens.empty());
  EXPECT_EQ(out[0].reason, EndReason::Length);
  EXPECT_EQ(out[1].tokens.size(), 1U);
  EXPECT_TRUE(generated(decoder, {}).empty());
}

TEST(EngineGenerate, ASeedRepeatsAndTheNextDiffers) {
  const auto decoder = small_decoder();
  const auto with_seed = [&](uint64_t seed) {
    return generated(decoder, {{.prompt = {1, 2},
                                .max_new_tokens = 40,
                                .sampling = {.temperature = 1},
                                .seed = seed}})[0]
        .tokens;
  };
  EXPECT_EQ(with_seed(1), with_seed(1));
  EXPECT_NE(with_seed(1), with_seed(2));
}

TEST(EngineGenerate, JobsThatCannotBeAreRefused) {
  const auto decoder = small_decoder();
  Engine engine(decoder, {});
  const auto refusal = [&](const GenerateJob& job) {
    return error_of([&] { engine.generate(std::vector{job}, [](size_t, const Generated&) {}); });
  };
  EXPECT_THAT(refusal({.max_new_tokens = 1}), HasSubstr("a prompt without tokens"));
  EXPECT_THAT(refusal({.prompt = {1}, .max_new_tokens = 1, .sampling = {.temperature = -1}}),
              HasSubstr("temperature: expected 0 or more"));
  EXPECT_THAT(refusal({.prompt = {1, -1}, .max_new_tokens = 1}), HasSubstr("token -1 at row 1"));
  EXPECT_EQ(engine.cache().bytes(), 0);
}

}  // namespace
}  // namespace hylo::models
