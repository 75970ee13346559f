// A training step (forward, backward, clipping, AdamW) of a Llama and of hybrids, Gated DeltaNet or
// Mamba-2 with attention, against the same weights and tokens in PyTorch eager with transformers'
// code, in turn; the losses of the steps must agree. Fails where a target is missed; 2: nothing to
// compare with.
//
//   HYLO_PYTHON=... build/release/tests/training_step_bench [llama] [gated_delta] [mamba2]
//                   [--rounds N]
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

#include "harness/base/clock.h"
#include "harness/base/error.h"
#include "harness/base/files.h"
#include "kernels/machine/machine.h"
#include "models/distill/stage_run.h"
#include "models/weights/checkpoint.h"
#include "tests/bench/targets.h"
#include "tests/support/child_process.h"
#include "tests/support/test_data.h"

namespace {

using namespace hylo;

constexpr int64_t num_sequences = 8, tokens_of_sequence = 512;
constexpr int64_t steps_of_round = 6, warm_steps = 2;

struct Options {
  std::vector<std::string> models{"llama", "gated_delta", "mamba2"};
  int64_t rounds = 5;
};

struct Step {
  double seconds = 0, loss = 0;
};

/// Token i is (7 i^2 + 3 i) mod 4093; labels are the next tokens.
models::PackedBatch batch() {
  models::PackedBatch batch;
  const auto token = [](int64_t i) { return (7 * i * i + 3 * i) % 4093; };
  for (int64_t s = 0; s < num_sequences; ++s) {
    for (int64_t t = 0; t < tokens_of_sequence; ++t) {
      const int64_t i = s * (tokens_of_sequence + 1) + t;
      batch.tokens_N.push_back(static_cast<int32_t>(token(i)));
      batch.labels_N.push_back(token(i + 1));
    }
    batch.sequence_rows.push_back(tokens_of_sequence);
  }
  batch.num_labels = std::ssize(batch.labels_N);
  return batch;
}

models::Stage stage() {
  models::Stage stage;
  stage.name = "bench";
  stage.steps = 1'000'000;
  stage.context_length = tokens_of_sequence;
  stage.tokens_per_step = stage.tokens_per_pass = num_sequences * tokens_of_sequence;
  stage.peak_learning_rate = 1e-3;
  stage.optimizer.beta2 = 0.95;
  stage.optimizer.weight_decay = 0;
  return stage;
}

std::vector<Step> train_here(const std::filesystem::path& folder) {
  const auto checkpoint = models::open_checkpoint(folder, {models::NumberType::Float32});
  models::TrainedModel student(checkpoint.config, checkpoint.weights, {});
  const auto how = stage();
  models::StageRun run(how, nullptr, student, folder);
  const auto rows = batch();
  std::vector<Step> steps;
  for (int64_t i = 0; i < steps_of_round; ++i) {
    const Stopwatch watch;
    const double loss = run.step(rows).loss.total;
    steps.push_back({watch.seconds(), loss});
  }
  return steps;
}

std::string run_script(const std::vector<std::string>& arguments) {
  std::vector<std::string> argv{environment("HYLO_PYTHON"),
                                tests::fixture("../bench/training_step_transformers.py")};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const auto result = tests::run_child(argv);
  require(result.exit_code == 0, "training_step_bench: {} ended with {}: {}", argv.front(),
          result.exit_code, result.err);
  return result.out;
}

std::vector<Step> train_there(const std::filesystem::path& folder) {
  std::istringstream lines(
      run_script({"train", folder.string(), std::to_string(num_sequences),
                  std::to_string(tokens_of_sequence), std::to_string(steps_of_round)}));
  std::vector<Step> steps;
  for (Step step; lines >> step.seconds >> step.loss;) steps.push_back(step);
  return steps;
}

/// Of the steps behind those that warm up.
double median_seconds(const std::vector<Step>& steps) {
  std::vector<double> seconds;
  for (size_t i = warm_steps; i < steps.size(); ++i) seconds.push_back(steps[i].seconds);
  return kernels::summarize(seconds).median;
}

/// float32 sums in another order; further apart it is not the same network.
void check_losses(const std::vector<Step>& ours, const std::vector<Step>& theirs) {
  constexpr double tolerance = 1e-3;
  require(ours.size() == theirs.size(), "training_step_bench: {} steps here, {} there", ours.size(),
          theirs.size());
  for (size_t i = 0; i < ours.size(); ++i) {
    require(std::abs(ours[i].loss - theirs[i].loss) < tolerance,
            "training_step_bench: step {} has loss {} here and {} there", i, ours[i].loss,
            theirs[i].loss);
  }
}

void measure(const std::string& model, int64_t rounds, bench::Targets& targets) {
  const tests::TemporaryFolder folder;
  run_script({"write", model, folder.path().string()});
  std::vector<double> ratios, seconds;
  for (int64_t i = 0; i < rounds; ++i) {
    const auto theirs = train_there(folder.path()), ours = train_here(folder.path());
    check_losses(ours, theirs);
    seconds.push_back(median_seconds(ours));
    ratios.push_back(median_seconds(theirs) / seconds.back());
  }
  const auto spread = kernels::summarize(ratios);
  fmt::print(
      "{}: a step of {} x {} tokens takes {:.0f} ms; PyTorch eager {:.2f} times as long (quartiles "
      "{:.2f} to {:.2f}, {} rounds)\n",
      model, num_sequences, tokens_of_sequence, 1e3 * kernels::summarize(seconds).median,
      spread.median, spread.lower_quartile, spread.upper_quartile, spread.num_samples);
  targets.at_least(model + ", PyTorch eager / here", model == "llama" ? 1.1 : 3, spread.median);
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  Options options;
  CLI::App app("A training step against PyTorch eager");
  app.add_option("models", options.models)
      ->check(CLI::IsMember({"llama", "gated_delta", "mamba2"}));
  app.add_option("--rounds", options.rounds)->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  if (environment("HYLO_PYTHON").empty()) {
    fmt::print("left out: HYLO_PYTHON names no Python with torch and transformers\n");
    return 2;
  }
  bench::Targets targets;
  for (const auto& model : options.models) measure(model, options.rounds, targets);
  return targets.exit_code();
}
