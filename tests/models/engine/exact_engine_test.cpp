// Exact mode, one kind of layer after the other: the bits of a sequence are those that it has
// alone, whatever shares its calls and however it is cut.
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "harness/base/random.h"
#include "models/engine/engine.h"
#include "models/weights/checkpoint.h"
#include "tests/models/hybrids.h"

namespace hylo::models {
namespace {

using tests::joined;
using tests::random_tokens;

struct Kind {
  const char* name;
  LayerSpec layer;
};

/// Every kind of mixer in its forms, with a number of heads that no vector has lanes.
std::vector<Kind> mixers(int64_t heads) {
  const SwiGluSpec dense{.width = 11};
  const AttentionSpec attention{
      .num_heads = heads, .num_kv_heads = 3, .head_width = 6, .rope = {.width = 6}};
  auto gated = attention;
  gated.output_gate = true;
  gated.head_norms = HeadNorms::PerHead;
  auto windowed = attention;
  windowed.window = 9;
  const MlaSpec mla{.num_heads = heads,
                    .num_kv_heads = 3,
                    .latent_rank = 5,
                    .query_rank = 7,
                    .nope_width = 4,
                    .rope_width = 2,
                    .value_width = 3,
                    .latent_norm = true,
                    .scale = 0.4,
                    .rope = {.width = 2}};
  auto mla_with_head_norms = mla;
  mla_with_head_norms.head_norms = true;
  const GatedDeltaSpec gated_delta{
      .num_key_heads = 3, .num_heads = heads, .key_width = 4, .value_width = 6};
  auto grouped = gated_delta;
  grouped.grouped_projections = true;
  grouped.write_scale = 2;
  const Mamba2Spec mamba2{.num_heads = heads,
                          .num_value_heads = 3,
                          .num_key_heads = 1,
                          .num_query_heads = heads,
                          .key_width = 4,
                          .value_width = 5,
                          .norm_groups = 3,
                          .min_step = 0.001,
                          .max_step = 2};
  auto one_tap = mamba2;
  one_tap.conv_width = 1;
  const DiscreteMamba2Spec discrete{
      .num_heads = heads, .num_key_heads = 3, .key_width = 3, .value_width = 5};
  return {
      {"attention", {attention, dense}},
      {"attention with an output gate", {gated, dense}},
      {"attention in a window", {windowed, dense}},
      {"MLA", {mla, dense}},
      {"MLA with norms of heads", {mla_with_head_norms, dense}},
      {"Gated DeltaNet", {gated_delta, dense}},
      {"Gated DeltaNet, grouped", {grouped, dense}},
      {"Mamba2", {mamba2, dense}},
      {"Mamba2 whose convolution sees one token", {one_tap, dense}},
      {"discrete Mamba2", {discrete, NoFeedForward{}}},
      {"Kimi", {KimiDeltaSpec{.num_heads = heads, .head_width = 5}, dense}},
      {"JetBlock",
       {JetBlockSpec{.num_heads = heads, .key_width = 3, .value_width = 4, .generator_width = 5},
        dense}}};
}

/// Every kind of router, with a shared expert and without.
std::vector<Kind> routers(int64_t experts) {
  const AttentionSpec attention{
      .num_heads = 3, .num_kv_heads = 1, .head_width = 6, .rope = {.width = 6}};
  const MoeSpec softmax{
      .num_experts = experts, .experts_per_token = 2, .width = 7, .router = {.normalised = true}};
  auto shared = softmax;
  shared.router.kind = RouterKind::TopThenSoftmax;
  shared.shared_width = 5;
  shared.shared_gate = true;
  auto groups = softmax;
  groups.router = {.kind = RouterKind::Sigmoid,
                   .normalised = true,
                   .scale = 2.5,
                   .selection_bias = true,
                   .num_groups = 3,
                   .top_groups = 2};
  groups.shared_width = 6;
  return {{"softmax, then top", {attention, softmax}},
          {"top, then softmax, shared expert with a gate", {attention, shared}},
          {"sigmoid of groups, shared expert", {attention, groups}}};
}

Decoder decoder_of(const LayerSpec& layer, NumberType type) {
  auto config = tests::config_of({layer, layer});
  auto weights = random_weights(config, type, 1);
  return {std::move(config), std::move(weights)};
}

/// Two questions behind one beginning, two answers behind each, and a sequence of its own.
std::vector<ScoreJob> score_jobs() {
  std::vector<ScoreJob> jobs;
  const auto beginning = random_tokens(70, 1);
  for (uint64_t q = 0; q < 2; ++q) {
    const auto question = joined(beginning, random_tokens(9 + static_cast<int64_t>(q), 10 + q));
    for (uint64_t a = 0; a < 2; ++a) {
      const auto length = static_cast<int64_t>(2 + 3 * a);
      jobs.push_back({joined(question, random_tokens(length, 100 + 10 * q + a)), length});
    }
  }
  jobs.push_back({random_tokens(23, 7), 20});
  return jobs;
}

std::vector<uint64_t> bits_of(const std::vector<SequenceScore>& scores) {
  std::vector<uint64_t> bits;
  for (const auto& score : scores) bits.push_back(std::bit_cast<uint64_t>(score.log_likelihood));
  return bits;
}

void expect_scores_alone(const Decoder& decoder) {
  auto jobs = score_jobs();
  std::vector<uint64_t> alone;
  for (const auto& job : jobs) {
    Engine engine(decoder, {.mode = NumericMode::Exact, .share_prefixes = false});
    alone.push_back(bits_of(engine.score({&job, 1})).front());
  }
  const auto score = [&](int64_t max_rows, bool shares) {
    Engine engine(decoder, {.mode = NumericMode::Exact,
                            .max_rows = max_rows,
                            .share_prefixes = shares,
                            .max_state_bytes = shares ? 20'000 : int64_t{1} << 30});
    return bits_of(engine.score(jobs));
  };
  EXPECT_EQ(score(7, true), alone) << "7 rows, shared";
  EXPECT_EQ(score(33, false), alone) << "33 rows";
  EXPECT_EQ(score(2048, false), alone);
  std::ranges::reverse(jobs);
  std::ranges::reverse(alone);
  EXPECT_EQ(score(2048, true), alone) << "in the other order";
}

/// Sequences of other lengths and ends, which therefore come and go while others decode. The
/// sampled ones choose by the bits of the logits.
std::vector<GenerateJob> generate_jobs() {
  std::vector<GenerateJob> jobs;
  const auto beginning = random_tokens(40, 3);
  for (uint64_t i = 0; i < 5; ++i) {
    GenerateJob job{.prompt = joined(beginning, random_tokens(1 + static_cast<int64_t>(5 * i), i)),
                    .max_new_tokens = 4 + static_cast<int64_t>(i)};
    if (i % 2 == 1) job.sampling.temperature = 1.5;
    job.seed = i;
    jobs.push_back(std::move(job));
  }
  return jobs;
}

std::vector<std::vector<int32_t>> written(const Decoder& decoder, const EngineOptions& options,
                                          std::span<const GenerateJob> jobs) {
  Engine engine(decoder, options);
  std::vector<std::vector<int32_t>> texts(jobs.size());
  engine.generate(jobs, [&](size_t i, Generated out) { texts[i] = std::move(out.tokens); });
  return texts;
}

void expect_texts_alone(const Decoder& decoder) {
  const auto jobs = generate_jobs();
  std::vector<std::vector<int32_t>> alone;
  for (const auto& job : jobs) {
    alone.push_back(
        written(decoder, {.mode = NumericMode::Exact, .share_prefixes = false}, {&job, 1}).front());
  }
  for (const auto& [max_sequences, max_rows] : {std::pair{2, 5}, {64, 2048}}) {
    const EngineOptions options{
        .mode = NumericMode::Exact, .max_rows = max_rows, .max_sequences = max_sequences};
    EXPECT_EQ(written(decoder, options, jobs), alone)
        << max_sequences << " sequences, " << max_rows << " rows";
  }
}

/// The logits of one sequence, fed in pieces of `piece` rows beside another one.
at::Tensor logits_in_pieces(const Decoder& decoder, int64_t piece) {
  Cache cache(decoder.config(), {.type = decoder.type(), .page_tokens = 16, .max_tokens = 4096});
  const auto tokens = random_tokens(70, 5), others = random_tokens(140, 6);
  auto own = cache.new_sequence(), other = cache.new_sequence();
  std::vector<at::Tensor> rows;
  for (int64_t first = 0; first < 70; first += piece) {
    const int64_t n = std::min(piece, 70 - first);
    const Batch batch{{{&other, 2}, {&own, n}}};
    std::vector<int32_t> fed(others.begin() + 2 * first / piece,
                             others.begin() + 2 * first / piece + 2);
    fed.insert(fed.end(), tokens.begin() + first, tokens.begin() + first + n);
    const auto out = decoder.forward(fed, batch, {.groups = kernels::RowGroups::Fixed});
    rows.push_back(
        decoder.logits(out.normed_ND.narrow(0, 2, n), kernels::RowGroups::Fixed).clone());
  }
  return at::cat(rows);
}

void expect_logits_alone(const Decoder& decoder) {
  const auto whole = logits_in_pieces(decoder, 70);
  for (const int64_t piece : {1, 17, 64}) {
    EXPECT_TRUE(at::equal(logits_in_pieces(decoder, piece), whole)) << "pieces of " << piece;
  }
}

void expect_exact(const std::vector<Kind>& kinds) {
  for (const auto type : {NumberType::Float32, NumberType::BFloat16}) {
    for (const auto& [name, layer] : kinds) {
      SCOPED_TRACE(std::string(name) + (type == NumberType::Float32 ? ", float32" : ", bfloat16"));
      const auto decoder = decoder_of(layer, type);
      expect_logits_alone(decoder);
      expect_scores_alone(decoder);
      expect_texts_alone(decoder);
    }
  }
}

TEST(ExactEngine, EveryMixerWithThreeHeads) { expect_exact(mixers(3)); }
TEST(ExactEngine, EveryMixerWithSixHeads) { expect_exact(mixers(6)); }
TEST(ExactEngine, EveryMixerWithNineHeads) { expect_exact(mixers(9)); }
TEST(ExactEngine, EveryRouterWithThreeExperts) { expect_exact(routers(3)); }
TEST(ExactEngine, EveryRouterWithSixExperts) { expect_exact(routers(6)); }
TEST(ExactEngine, EveryRouterWithNineExperts) { expect_exact(routers(9)); }

}  // namespace
}  // namespace hylo::models
