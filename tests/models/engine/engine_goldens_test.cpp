// Whole sequences against other implementations: transformers' greedy tokens, and a real trained
// model against llama2.c.
#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>

#include <cmath>

#include "harness/base/json.h"
#include "models/engine/engine.h"
#include "models/tokenizer/tokenizer.h"
#include "models/weights/checkpoint.h"
#include "models/weights/safetensors.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using tests::data;
using tests::golden;
using tests::skip_reason;

/// Float32 against llama2.c's float32; its author's other implementations differ by 2e-5.
constexpr double logit_tolerance = 1e-4;
/// Of a story of up to 511 tokens, in nats; transformers differs by 7e-5.
constexpr double story_tolerance = 5e-4;

std::vector<int32_t> greedy(const Decoder& decoder, const std::vector<int32_t>& prompt,
                            int64_t count, const EngineOptions& options) {
  Engine engine(decoder, options);
  std::vector<int32_t> tokens;
  engine.generate(std::vector<GenerateJob>{{.prompt = prompt, .max_new_tokens = count}},
                  [&](size_t, Generated out) { tokens = std::move(out.tokens); });
  return tokens;
}

std::vector<int32_t> ids_of(const SafetensorsFile& file, const char* name) {
  const auto ids = file.tensor(name).to(at::kInt).contiguous();
  return {ids.const_data_ptr<int32_t>(), ids.const_data_ptr<int32_t>() + ids.numel()};
}

TEST(EngineGoldens, GreedyTokensAreTheLibrarys) {
  const auto root = golden("hf-goldens");
  if (!root) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "hf-goldens");
  int num_checked = 0;
  for (const auto* name : {"llama", "llama-llama3", "llama-yarn", "llama-linear", "llama-dynamic",
                           "mistral", "qwen2", "qwen3", "qwen3-yarn"}) {
    SCOPED_TRACE(name);
    const auto folder = *root / name;
    const auto measured = read_json_file(folder / "reference.json");
    // The choice is decided: its margin is far above the error of float32.
    ASSERT_GT(measured.at("greedy_min_margin").get<double>(),
              10 * measured.at("max_abs_diff_fp32_fp64").at("logits").get<double>());
    const auto checkpoint = open_checkpoint(folder, {.type = NumberType::Float32});
    const Decoder decoder(checkpoint.config, checkpoint.weights);
    const SafetensorsFile reference(folder / "reference.safetensors");
    const auto prompt = ids_of(reference, "greedy.prompt");
    const auto expected = ids_of(reference, "greedy.tokens");
    const auto count = static_cast<int64_t>(expected.size());
    for (const auto mode : {NumericMode::Stable, NumericMode::Exact}) {
      EXPECT_EQ(greedy(decoder, prompt, count, {.mode = mode}), expected);
    }
    if (!depends_on_call_length(checkpoint.config)) {
      EXPECT_EQ(greedy(decoder, prompt, count, {.max_rows = 5}), expected);
    }
    ++num_checked;
  }
  EXPECT_EQ(num_checked, 9);
}

class StoriesGoldens : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto found = data("llama-stories260k");
    if (!found) GTEST_SKIP() << skip_reason("HYLO_DATA", "llama-stories260k");
    folder_ = *found;
    const auto checkpoint = open_checkpoint(folder_ / "hf");
    decoder_ = std::make_unique<Decoder>(checkpoint.config, checkpoint.weights);
  }
  std::filesystem::path folder_;
  std::unique_ptr<Decoder> decoder_;
};

TEST_F(StoriesGoldens, GreedyTokensAndTheirTextAreThoseOfLlama2c) {
  const auto reference = read_json_file(folder_ / "reference" / "greedy.json");
  const auto expected = reference.at("greedy_ids").get<std::vector<int32_t>>();
  const auto prompt = reference.at("prompt_ids").get<std::vector<int32_t>>();
  const auto tokens = greedy(*decoder_, prompt, static_cast<int64_t>(expected.size()), {});
  EXPECT_EQ(tokens, expected);
  const auto tokenizer = load_tokenizer(folder_ / "hf");
  EXPECT_EQ(tokenizer->decode(tokens, /*skip_special_tokens=*/true),
            reference.at("text").get<std::string>());
}

TEST_F(StoriesGoldens, LogitsAreThoseOfLlama2c) {
  const auto greedy_ids = read_json_file(folder_ / "reference" / "greedy.json")
                              .at("greedy_ids")
                              .get<std::vector<int32_t>>();
  const SafetensorsFile file(folder_ / "reference" / "logits.safetensors");
  const auto expected_TW = file.tensor("logits");
  std::vector<int32_t> tokens{1};
  tokens.insert(tokens.end(), greedy_ids.begin(), greedy_ids.begin() + expected_TW.size(0) - 1);
  Cache cache(decoder_->config(), {.max_tokens = 4096});
  auto sequence = cache.new_sequence();
  const auto out = decoder_->forward(tokens, {{{&sequence, expected_TW.size(0)}}});
  const auto logits_TW = decoder_->logits(out.normed_ND, kernels::RowGroups::Free);
  EXPECT_LE((logits_TW - expected_TW).abs().max().item<double>(), logit_tolerance);
}

TEST_F(StoriesGoldens, LikelihoodsOfStoriesAreThoseOfLlama2c) {
  const auto reference = read_json_file(folder_ / "reference" / "nll.json");
  std::vector<ScoreJob> jobs;
  std::vector<double> expected;
  for (const auto& story : reference.at("stories")) {
    jobs.push_back({.tokens = story.at("ids").get<std::vector<int32_t>>(),
                    .num_scored = story.at("scored_tokens").get<int64_t>()});
    expected.push_back(-story.at("nll").get<double>());
  }
  ASSERT_EQ(jobs.size(), 64U);
  Engine engine(*decoder_, {.max_rows = 1000});
  double total = 0;
  const auto scores = engine.score(jobs);
  for (size_t i = 0; i < scores.size(); ++i) {
    EXPECT_NEAR(scores[i].log_likelihood, expected[i], story_tolerance) << "story " << i;
    total += scores[i].log_likelihood;
  }
  EXPECT_NEAR(-total / reference.at("total_tokens").get<double>(),
              reference.at("mean_nll").get<double>(), 1e-6);
}

}  // namespace
}  // namespace hylo::models
