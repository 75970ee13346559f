// The engine on small random hybrids: however prefixes are shared, cut and batched, the numbers are
// those of each sequence alone.
#include <gtest/gtest.h>

#include <cmath>

#include "models/engine/engine.h"
#include "models/weights/checkpoint.h"
#include "tests/models/hybrids.h"

namespace hylo::models {
namespace {

using namespace tests;  // NOLINT: the whole header is for tests like these

/// Two orders of the same sums in float64.
constexpr double float64_tolerance = 1e-9;

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
