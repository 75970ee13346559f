// Prefill of synthetic models in bfloat16, as the engine does it in calls of max_rows tokens:
// floating-point operations per second as a fraction of the product peak, which is sampled before
// every call.
//
//   build/release/tests/prefill_bench [MODEL ...] [--tokens N] [--rows N] [--repeats N]
//   default: llama-3.2-1b hylo-llama-4mla12gdn hylo-llama-4mla12m2, 4096 tokens in calls of 2048
#include <c10/core/InferenceMode.h>
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "harness/base/clock.h"
#include "harness/base/error.h"
#include "harness/base/overloaded.h"
#include "kernels/machine/machine.h"
#include "models/config/catalog.h"
#include "models/decoder/decoder.h"
#include "models/weights/checkpoint.h"

namespace {

using namespace hylo;

struct Options {
  std::vector<std::string> models{"llama-3.2-1b", "hylo-llama-4mla12gdn", "hylo-llama-4mla12m2"};
  int64_t tokens = 4096, rows = 2048, repeats = 3;
};

/// Of the products of weights and rows; the head is asked for one row and left out.
double weight_flop(const models::Checkpoint& model, int64_t tokens) {
  int64_t elements = 0;
  models::visit_weights(model.config, model.weights, [&](const models::WeightSlot& slot, auto&) {
    const bool is_looked_up = slot.name == "embedding.weight" || slot.name == "head.weight";
    const bool is_conv = slot.name.find("conv") != std::string::npos;
    if (slot.shape.size() == 2 && !is_looked_up && !is_conv) {
      elements += slot.shape[0] * slot.shape[1];
    }
  });
  return 2.0 * static_cast<double>(elements) * static_cast<double>(tokens);
}

/// Of what lies between the projections of a layer: half of the pairs for attention, chunks of 64
/// for recurrences.
double mixing_flop(const models::MixerSpec& mixer, int64_t tokens) {
  const auto t = static_cast<double>(tokens);
  constexpr double chunk = 64;
  const auto attention = [&](double heads, double width) { return t * t * heads * width; };
  return std::visit(
      overloaded{[&](const models::AttentionSpec& s) {
                   return attention(static_cast<double>(s.num_heads),
                                    static_cast<double>(2 * s.head_width));
                 },
                 [&](const models::MlaSpec& s) {
                   return attention(
                       static_cast<double>(s.num_heads),
                       static_cast<double>(s.nope_width + s.rope_width + s.value_width));
                 },
                 [&](const models::GatedDeltaSpec& s) {
                   const auto k = static_cast<double>(s.key_width);
                   const auto v = static_cast<double>(s.value_width);
                   return t * static_cast<double>(s.num_heads) *
                          (6 * chunk * k + 4 * chunk * v + 6 * k * v + 2.0 / 3 * chunk * chunk);
                 },
                 [&](const models::Mamba2Spec& s) {
                   const auto k = static_cast<double>(s.key_width);
                   const auto v = static_cast<double>(s.value_width);
                   return t * static_cast<double>(s.num_heads) *
                          (2 * chunk * k + 2 * chunk * v + 4 * k * v);
                 },
                 [](const auto&) -> double {
                   throw Error("prefill_bench: this kind of layer's operations are not counted");
                 }},
      mixer);
}

double prefill_flop(const models::Checkpoint& model, int64_t tokens) {
  double flop = weight_flop(model, tokens);
  for (const auto& layer : model.config.layers) flop += mixing_flop(layer.mixer, tokens);
  return flop;
}

/// One prefill: seconds of its calls, and the peak before each.
struct Prefill {
  double seconds = 0;
  std::vector<double> peaks;
};
Prefill prefill(const models::Decoder& decoder, models::Cache& cache, const Options& options,
                kernels::ProductPeakProbe& probe) {
  const c10::InferenceMode no_gradients;
  const std::vector<int32_t> tokens(options.tokens, 1);
  auto sequence = cache.new_sequence();
  Prefill run;
  for (int64_t done = 0; done < options.tokens; done += options.rows) {
    const int64_t rows = std::min(options.rows, options.tokens - done);
    run.peaks.push_back(probe.sample());
    const Stopwatch watch;
    const auto out = decoder.forward(std::span(tokens).subspan(done, rows), {{{&sequence, rows}}});
    const auto last =
        decoder.logits(out.normed_ND.narrow(0, rows - 1, 1), kernels::RowGroups::Free);
    require(last.numel() > 0, "prefill_bench: no logits");
    run.seconds += watch.seconds();
  }
  return run;
}

void measure(const std::string& name, const Options& options) {
  const auto checkpoint = models::synthetic_checkpoint(name, models::NumberType::BFloat16);
  const models::Decoder decoder(checkpoint.config, checkpoint.weights);
  models::Cache cache(checkpoint.config, {.type = at::kBFloat16, .max_tokens = 2 * options.tokens});
  kernels::ProductPeakProbe probe(at::kBFloat16);
  const double flop = prefill_flop(checkpoint, options.tokens);
  prefill(decoder, cache, {.models = {}, .tokens = options.rows, .rows = options.rows}, probe);
  std::vector<double> fractions, seconds;
  for (int64_t i = 0; i < options.repeats; ++i) {
    const auto run = prefill(decoder, cache, options, probe);
    seconds.push_back(run.seconds);
    fractions.push_back(flop / run.seconds / kernels::summarize(run.peaks).median);
  }
  const auto spread = kernels::summarize(fractions);
  fmt::print(
      "{}: {} tokens in calls of {}, {:.2f} TFLOP in {:.1f} s; {:.3f} of the product peak "
      "(quartiles {:.3f} to {:.3f}, {} prefills)\n",
      name, options.tokens, options.rows, flop / 1e12, kernels::summarize(seconds).median,
      spread.median, spread.lower_quartile, spread.upper_quartile, spread.num_samples);
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  Options options;
  CLI::App app("Prefill of synthetic models against the product peak, bfloat16");
  app.add_option("models", options.models, "rows of the catalogue");
  app.add_option("--tokens", options.tokens)->check(CLI::PositiveNumber);
  app.add_option("--rows", options.rows, "of one call")->check(CLI::PositiveNumber);
  app.add_option("--repeats", options.repeats)->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  for (const auto& model : options.models) measure(model, options);
}
