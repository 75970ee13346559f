// What computing beginnings once saves in time, against what it saves in tokens (needs HYLO_DATA):
// choices of HellaSwag, and questions of MMLU behind five worked examples, with and without.
//
//   HYLO_DATA=... build/release/tests/sharing_bench [CHECKPOINT]
//   default: the story model for HellaSwag, a random one of 27 M parameters with Qwen's tokenizer
//   for MMLU
#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <vector>

#include "harness/base/clock.h"
#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/runner/plan.h"
#include "harness/system/decoder_system.h"
#include "models/weights/checkpoint.h"
#include "tests/bench/targets.h"
#include "tests/support/test_data.h"

namespace {

using namespace hylo;

double seconds_of(const std::function<void()>& action) {
  const Stopwatch watch;
  action();
  return watch.seconds();
}

struct Ratios {
  double median, low, high;
};

/// Alternately, the first pair to warm up.
Ratios ratios_of(int num_pairs, const std::function<void()>& slow,
                 const std::function<void()>& fast) {
  std::vector<double> ratios;
  for (int i = -1; i < num_pairs; ++i) {
    const double without = seconds_of(slow);
    const double with = seconds_of(fast);
    if (i >= 0) ratios.push_back(without / with);
  }
  std::ranges::sort(ratios);
  const auto n = ratios.size();
  return {ratios[n / 2], ratios[n / 4], ratios[n * 3 / 4]};
}

harness::PlanOptions plan_options(std::vector<std::string> tasks, int64_t limit) {
  harness::PlanOptions options{.tasks = std::move(tasks),
                               .data_root = environment("HYLO_DATA"),
                               .prompts = {},
                               .document_ids = {}};
  options.prompts.limit = limit;
  return options;
}

harness::DecoderSystemOptions system_options(const std::filesystem::path& folder) {
  return {.folder = folder,
          .tokenizer = {},
          .max_length = {},
          .allow_truncation = true,
          .hash_weights = false};
}

void answer(harness::SystemUnderTest& system, const std::vector<tasks::Request>& requests) {
  system.answer(requests, [](size_t, const tasks::Response&) {});
}

void compare_choices(const std::filesystem::path& folder, bench::Targets& targets) {
  auto options = system_options(folder);
  harness::DecoderSystem shared(options);
  options.engine.share_prefixes = false;
  harness::DecoderSystem unshared(options);
  const auto tasks = harness::plan_tasks(plan_options({"hellaswag"}, 128));
  const auto plan = harness::make_plan(tasks, shared);
  std::vector<tasks::Request> requests;
  for (const auto& batch : plan.batches) {
    for (auto& request : harness::requests_of(tasks, batch)) requests.push_back(std::move(request));
  }
  const double token_ratio =
      static_cast<double>(plan.total.rows_unshared) / static_cast<double>(plan.total.rows);
  const auto ratios = ratios_of(
      15, [&] { answer(unshared, requests); }, [&] { answer(shared, requests); });
  fmt::print("hellaswag: {} requests, each alone against with shared beginnings\n",
             requests.size());
  fmt::print("  token ratio       {:.3f}\n", token_ratio);
  fmt::print("  time ratio        {:.3f} (quartiles {:.3f} to {:.3f})\n", ratios.median, ratios.low,
             ratios.high);
  targets.at_least("time ratio over token ratio", 0.85, ratios.median / token_ratio);
}

/// A Llama of random weights in `folder`, beside Qwen's tokenizer.
void write_random_model(const std::filesystem::path& folder) {
  const models::AttentionSpec attention{
      .num_heads = 8, .num_kv_heads = 4, .head_width = 32, .rope = {.width = 32}};
  models::ModelConfig config{.family = models::Family::Llama,
                             .vocabulary_size = 151'936,
                             .width = 128,
                             .layers = {},
                             .tied_head = true,
                             .max_positions = 4096,
                             .stored = models::NumberType::Float32,
                             .bos = {},
                             .eos = {},
                             .pad = {}};
  for (int i = 0; i < 8; ++i)
    config.layers.push_back({attention, models::SwiGluSpec{.width = 768}});
  models::write_checkpoint(folder, config,
                           models::random_weights(config, models::NumberType::Float32, 1));
  const auto tokenizer = std::filesystem::path(environment("HYLO_DATA")) / "tokenizers/qwen";
  for (const auto* name :
       {"vocab.json", "merges.txt", "tokenizer_config.json", "added_tokens.json"}) {
    std::filesystem::copy_file(tokenizer / name, folder / name);
  }
}

/// One call per question, its four choices sharing their context, against batches of the plan.
void compare_examples(const std::filesystem::path& folder, bench::Targets& targets) {
  harness::DecoderSystem system(system_options(folder));
  auto options = plan_options({"mmlu_anatomy", "mmlu_astronomy", "mmlu_virology"}, 40);
  options.prompts.num_fewshot = 5;
  const auto tasks = harness::plan_tasks(options);
  const auto plan = harness::make_plan(tasks, system);
  const auto one_by_one = [&] {
    for (const auto& task : tasks) {
      for (const auto& document : task.documents) answer(system, document.requests);
    }
  };
  const auto batches = [&] {
    for (const auto& batch : plan.batches) answer(system, harness::requests_of(tasks, batch));
  };
  int64_t alone = 0;
  for (const auto& task : tasks) {
    for (const auto& document : task.documents) {
      for (const auto& cost : system.plan(document.requests)) alone += cost.rows;
    }
  }
  const auto ratios = ratios_of(3, one_by_one, batches);
  fmt::print("mmlu, 5 shots: {} questions, one call each against shared examples\n",
             plan.num_documents);
  fmt::print("  token ratio       {:.3f}\n",
             static_cast<double>(alone) / static_cast<double>(plan.total.rows));
  fmt::print("  time ratio        {:.3f} (quartiles {:.3f} to {:.3f})\n", ratios.median, ratios.low,
             ratios.high);
  targets.at_least("time ratio", 3, ratios.median);
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  models::Engine::set_num_threads(1);
  bench::Targets targets;
  compare_choices(argc > 1 ? std::filesystem::path(argv[1]) : tests::fixture("stories260k"),
                  targets);
  const tests::TemporaryFolder folder;
  if (argc <= 1) write_random_model(folder.path());
  compare_examples(argc > 1 ? std::filesystem::path(argv[1]) : folder.path(), targets);
  return targets.exit_code();
}
