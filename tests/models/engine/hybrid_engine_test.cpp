// The engine on small random hybrids: however prefixes are shared, cut and batched, the numbers are
// those of each sequence alone.
#include <gtest/gtest.h>

#include <cmath>

#include "harness/base/random.h"
#include "models/engine/engine.h"
#include "models/weights/checkpoint.h"

namespace hylo::models {
namespace {

/// Two orders of the same sums in float64.
constexpr double float64_tolerance = 1e-9;

const AttentionSpec attention{
    .num_heads = 3, .num_kv_heads = 1, .head_width = 6, .rope = {.width = 6}};
const MlaSpec mla{.num_heads = 4,
                  .num_kv_heads = 2,
                  .latent_rank = 5,
                  .query_rank = 7,
                  .nope_width = 4,
                  .rope_width = 2,
                  .value_width = 3,
                  .scale = 0.4,
                  .rope = {.width = 2}};
const GatedDeltaSpec gated_delta{
    .num_key_heads = 1, .num_heads = 3, .key_width = 4, .value_width = 6};
const Mamba2Spec mamba2{.num_heads = 3,
                        .num_value_heads = 1,
                        .num_key_heads = 1,
                        .num_query_heads = 3,
                        .key_width = 4,
                        .value_width = 5,
                        .norm_groups = 3};
const DiscreteMamba2Spec discrete{
    .num_heads = 4, .num_key_heads = 2, .key_width = 3, .value_width = 5};
const KimiDeltaSpec kimi{.num_heads = 3, .head_width = 4};
const JetBlockSpec jet{.num_heads = 2, .key_width = 3, .value_width = 4, .generator_width = 5};
const SwiGluSpec dense{.width = 11};
const MoeSpec experts{.num_experts = 5,
                      .experts_per_token = 2,
                      .width = 6,
                      .router = {.normalised = true},
                      .shared_width = 4,
                      .shared_gate = true};

ModelConfig config_of(std::vector<LayerSpec> layers) {
  return {.backbone = {},
          .vocabulary_size = 37,
          .width = 15,
          .layers = std::move(layers),
          .final_norm_epsilon = {},
          .max_positions = 256,
          .bos = {},
          .eos = {},
          .pad = {}};
}

/// Every kind of mixer and of feed-forward.
ModelConfig all_kinds() {
  return config_of({{mla, dense},
                    {gated_delta, experts},
                    {mamba2, dense},
                    {attention, dense},
                    {discrete, NoFeedForward{}},
                    {kimi, dense},
                    {jet, experts}});
}

std::vector<int32_t> random_tokens(int64_t count, uint64_t seed) {
  CounterRandom random(seed);
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < count; ++i) tokens.push_back(static_cast<int32_t>(random.below(37)));
  return tokens;
}

std::vector<int32_t> joined(std::vector<int32_t> a, const std::vector<int32_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// A long beginning, three questions behind it, four answers behind each.
std::vector<ScoreJob> questions() {
  std::vector<ScoreJob> jobs;
  const auto beginning = random_tokens(40, 1);
  for (uint64_t q = 0; q < 3; ++q) {
    const auto question = joined(beginning, random_tokens(10 + static_cast<int64_t>(q), 10 + q));
    for (uint64_t a = 0; a < 4; ++a) {
      const auto length = static_cast<int64_t>(1 + a);
      jobs.push_back({joined(question, random_tokens(length, 100 + 10 * q + a)), length});
    }
  }
  return jobs;
}

TEST(HybridEngine, SharedPrefixesAndCutsGiveEachSequencesOwnScore) {
  const auto config = all_kinds();
  const Decoder decoder(config, random_weights(config, NumberType::Float64, 1));
  const auto jobs = questions();
  std::vector<double> alone;
  for (const auto& job : jobs) {
    Engine engine(decoder, {.share_prefixes = false});
    alone.push_back(engine.score({&job, 1}).front().log_likelihood);
  }
  for (const int64_t max_rows : {1, 7, 33, 2048}) {
    for (const bool shares : {false, true}) {
      // The smallest lets one branch be held at a time.
      for (const int64_t max_state_bytes : {int64_t{1}, int64_t{20'000}, int64_t{1} << 30}) {
        Engine engine(
            decoder,
            {.max_rows = max_rows, .share_prefixes = shares, .max_state_bytes = max_state_bytes});
        const auto scores = engine.score(jobs);
        for (size_t i = 0; i < jobs.size(); ++i) {
          EXPECT_NEAR(scores[i].log_likelihood, alone[i], float64_tolerance)
              << "job " << i << ", rows " << max_rows << ", sharing " << shares;
        }
      }
    }
  }
}

TEST(HybridEngine, SequencesThatGenerateTogetherWriteWhatEachWritesAlone) {
  const auto config = all_kinds();
  const Decoder decoder(config, random_weights(config, NumberType::Float64, 2));
  std::vector<GenerateJob> jobs;
  const auto beginning = random_tokens(35, 3);
  for (uint64_t i = 0; i < 5; ++i) {
    jobs.push_back({.prompt = joined(beginning, random_tokens(1 + static_cast<int64_t>(i), i)),
                    .max_new_tokens = 6});
  }
  const auto written = [&](const EngineOptions& options, std::span<const GenerateJob> asked) {
    Engine engine(decoder, options);
    std::vector<std::vector<int32_t>> texts(asked.size());
    engine.generate(asked, [&](size_t i, Generated out) { texts[i] = std::move(out.tokens); });
    return texts;
  };
  const auto together = written({}, jobs);
  for (size_t i = 0; i < jobs.size(); ++i) {
    EXPECT_EQ(written({.max_rows = 3, .share_prefixes = false}, {&jobs[i], 1})[0], together[i]);
    EXPECT_EQ(together[i].size(), 6U);
  }
}

}  // namespace
}  // namespace hylo::models
