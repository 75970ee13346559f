// What the planner predicts of a step's memory against what steps take: each training in a process
// of its own. Fails where one is off by more than a tenth.
//
//   OMP_WAIT_POLICY=PASSIVE build/release/tests/training_memory_bench [CASE]
//
// Two measures: the most that the allocator had given out at once, and VmHWM, both less what was
// there before the models were made. The prediction is held against VmHWM.
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/clock.h"
#include "harness/base/error.h"
#include "harness/base/random.h"
#include "kernels/ops/token_losses.h"
#include "models/config/placement_json.h"
#include "models/distill/heap.h"
#include "models/distill/plan.h"
#include "models/distill/stage_run.h"
#include "models/weights/checkpoint.h"
#include "models/weights/number_types.h"
#include "tests/models/counted_memory.h"
#include "tests/support/child_process.h"
#include "tests/support/process_memory.h"

namespace {

using namespace hylo;
using namespace hylo::models;

struct Case {
  const char* name;
  const char* placement;  ///< empty: as the base
  Objective objective;
  int64_t width = 256, context = 1024;
  int64_t tokens_per_step = 4096;
  bool recomputes = false;
  NumberType type = NumberType::Float32;
  bool tied_head = true;
  int64_t labels_every = 1;  ///< only each so-manieth row has one
  bool has_experts = false;
};

constexpr const char* mla =
    R"([{"layers": {"every": 4}, "mixer": {"kind": "mla", "latent_rank": 64}}])";
constexpr const char* mla_gdn =
    R"([{"layers": {"every": 4}, "mixer": {"kind": "mla", "latent_rank": 64}}, {"layers": "rest", "mixer":
    {"kind": "gated_delta", "num_key_heads": 4, "num_heads": 4, "key_width": 48, "value_width": 96}}])";
constexpr const char* mla_mamba2 =
    R"([{"layers": {"every": 4}, "mixer": {"kind": "mla", "latent_rank": 64}},
    {"layers": "rest", "mixer": {"kind": "mamba2"}}])";

const std::vector<Case> cases{
    {"llama-next", "", NextToken{}},
    {"llama-next-recomputed", "", NextToken{}, 512, 2048, 4096, true},
    {"llama-next-untied", "", NextToken{}, 256, 512, 8192, false, NumberType::Float32, false},
    {"llama-next-bfloat16", "", NextToken{}, 512, 1024, 8192, false, NumberType::BFloat16},
    {"gdn-distil", mla_gdn, DistilLogits{}, 512, 1024},
    {"gdn-distil-recomputed", mla_gdn, DistilLogits{}, 512, 2048, 8192, true},
    {"mamba2-distil", mla_mamba2, DistilLogits{.ce_weight = 0.5}, 256, 2048},
    {"mamba2-distil-bfloat16", mla_mamba2, DistilLogits{}, 512, 1024, 4096, false,
     NumberType::BFloat16},
    {"gdn-align", mla_gdn, AlignLayers{}, 512, 512},
    {"mamba2-align", mla_mamba2, AlignLayers{}, 512, 2048, 8192},
    {"mla-align", mla, AlignLayers{}, 256, 1024},
    {"gdn-mixing", mla_gdn, AlignMixing{}, 256, 512},
    {.name = "llama-next-few-labels", .placement = "", .objective = NextToken{}, .labels_every = 4},
    {"gdn-distil-top-k", mla_gdn, DistilLogits{.ce_weight = 0.5, .top_k = 64}, 512, 1024},
    {"mamba2-prefer", mla_mamba2, Prefer{}, 256, 512, 8192},
    {.name = "experts-next",
     .placement = "",
     .objective = NextToken{},
     .width = 512,
     .tokens_per_step = 8192,
     .has_experts = true},
};

constexpr double tolerance = 0.1;
constexpr const char* source = "random";
constexpr int64_t vocabulary = 32000, num_layers = 8, tokens_per_pass = 4096;

ModelConfig base_config(const Case& c) {
  const AttentionSpec attention{.num_heads = c.width / 64,
                                .num_kv_heads = c.width / 128,
                                .head_width = 64,
                                .rope = {.width = 64}};
  FeedForwardSpec feed_forward = SwiGluSpec{.width = 3 * c.width};
  if (c.has_experts) {
    feed_forward = MoeSpec{
        .num_experts = 8, .experts_per_token = 2, .width = c.width, .router = {.normalised = true}};
  }
  return {.backbone = {},
          .vocabulary_size = vocabulary,
          .width = c.width,
          .layers = std::vector<LayerSpec>(num_layers, {attention, feed_forward}),
          .final_norm_epsilon = {},
          .tied_head = c.tied_head,
          .max_positions = 4096,
          .bos = {},
          .eos = {},
          .pad = {}};
}

ModelConfig student_config(const Case& c, const ModelConfig& base) {
  const std::string_view text = c.placement;
  if (text.empty()) return base;
  return place(base, read_placement(parse_json(std::string(text), "placement"), "placement", base));
}

Stage stage_of(const Case& c) {
  return {.name = c.name,
          .objective = c.objective,
          .steps = 2,
          .context_length = c.context,
          .tokens_per_step = c.tokens_per_step,
          .tokens_per_pass = tokens_per_pass,
          .peak_learning_rate = 1e-5,
          .recompute_layers = c.recomputes};
}

/// Sequences are pieces of one source, or pairs of texts.
PackedBatch random_batch(const Case& c, const Stage& stage) {
  CounterRandom random(7);
  PackedBatch batch;
  for (int64_t i = 0; i < stage.tokens_per_step; ++i) {
    batch.tokens_N.push_back(static_cast<int32_t>(random.below(vocabulary)));
    const bool has_label = i % c.labels_every == 0;
    batch.labels_N.push_back(has_label ? static_cast<int64_t>(random.below(vocabulary))
                                       : kernels::no_label);
    batch.num_labels += has_label ? 1 : 0;
  }
  const int64_t num_sequences = stage.tokens_per_step / stage.context_length;
  batch.sequence_rows.assign(num_sequences, stage.context_length);
  for (int64_t i = 0; i < num_sequences; ++i) {
    batch.places.push_back({source, i * stage.context_length});
    const bool is_pair = std::holds_alternative<Prefer>(stage.objective) && i % 2 == 0;
    if (is_pair) batch.pairs.push_back({source, i / 2});
  }
  return batch;
}

/// Of teachers whose likeliest tokens, or whose likelihoods of pairs, were kept.
KeptOfOthers kept_of(const Stage& stage) {
  KeptOfOthers kept;
  if (const auto top_k = kept_top_k(stage.objective); top_k > 0) {
    const auto ids_k = at::arange(top_k, at::kInt);
    const auto log_p_k = at::full({top_k}, -std::log(2.0 * static_cast<double>(top_k)), at::kFloat);
    kept.likeliest.emplace_back(
        source,
        at::stack({ids_k, log_p_k.view(at::kInt)}).expand({stage.tokens_per_step, 2, top_k}));
  }
  if (std::holds_alternative<Prefer>(stage.objective)) {
    const int64_t num_pairs = stage.tokens_per_step / stage.context_length / 2;
    kept.reference.emplace_back(reference_name(source), at::zeros({num_pairs, 2}, at::kDouble));
  }
  return kept;
}

/// A small training first, so that what libraries load is not counted.
void train(const Case& c) {
  const auto base = base_config(c);
  const auto student = student_config(c, base);
  const auto stage = stage_of(c);
  const Decoder teacher(base, random_weights(base, c.type, 1));
  const TrainedModelOptions options{.type = scalar_type(c.type)};
  TrainedModel model(student, random_weights(student, NumberType::Float32, 2), options);
  StageRun run(stage, needs_teacher(c.objective) ? &teacher : nullptr, model, "/nowhere",
               kept_of(stage));
  const auto batch = random_batch(c, stage);
  for (int64_t i = 0; i < stage.steps; ++i) run.step(batch);
}

void measure(const Case& c) {
  give_large_blocks_back();
  auto small = c;
  small.width = 128;
  // Of another width mixers have other heads than attention, and so no matrices to compare.
  if (std::holds_alternative<AlignMixing>(c.objective)) small.objective = AlignLayers{};
  small.context = 64;
  small.tokens_per_step = 128;
  train(small);
  hylo::models::tests::CountedMemory memory;
  const int64_t before = hylo::tests::status_bytes("VmRSS");
  const Stopwatch watch;
  train(c);
  fmt::print("{} {} {}\n", memory.peak_bytes(), hylo::tests::status_bytes("VmHWM") - before,
             watch.seconds());
}

const Case& case_named(std::string_view name) {
  for (const auto& c : cases) {
    if (c.name == name) return c;
  }
  fail("no case is called {}", name);
}

double compare(const std::string& program, const Case& c) {
  const auto base = base_config(c);
  const auto student = student_config(c, base);
  const auto stage = stage_of(c);
  const StageModels models{student, &base};
  const auto plan = plan_stage(stage, models, c.type);
  const auto flop = flop_of_row(stage, models).of(plan.tokens, plan.tokens / c.labels_every);
  const auto ended = hylo::tests::run_child({program, c.name, "measure"});
  require(ended.exit_code == 0, "{}: {}", c.name, ended.err);
  int64_t counted = 0, resident = 0;
  double seconds = 0;
  require(std::sscanf(ended.out.c_str(), "%ld %ld %lf", &counted, &resident, &seconds) == 3,
          "{}: {}", c.name, ended.out);
  const auto& largest = plan.largest();
  const auto predicted = static_cast<double>(largest.total());
  const double ratio = predicted / static_cast<double>(resident);
  constexpr double mib = 1 << 20;
  fmt::print("{:<24} {:>7.0f} {:>7.0f} {:>7.0f} {:>6.3f} {:>6.3f}  {} {:.1f}\n", c.name,
             predicted / mib, static_cast<double>(counted) / mib,
             static_cast<double>(resident) / mib, predicted / static_cast<double>(counted), ratio,
             largest.moment, flop.total() / seconds / 1e9);
  std::fflush(stdout);
  return ratio;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3) {
    measure(case_named(argv[1]));
    return 0;
  }
  fmt::print("{:<24} {:>7} {:>7} {:>7} {:>6} {:>6}  {}\n", "case", "planned", "counted", "VmHWM",
             "/count", "/VmHWM", "largest moment, GFLOP/s");
  std::vector<const Case*> asked;
  if (argc == 2) asked.push_back(&case_named(argv[1]));
  if (argc == 1)
    std::ranges::transform(cases, std::back_inserter(asked), [](auto& c) { return &c; });
  bool is_good = true;
  for (const auto* c : asked) {
    const double ratio = compare(argv[0], *c);
    if (std::abs(ratio - 1) <= tolerance) continue;
    is_good = false;
    fmt::print("{}: expected a prediction within {:.0f} % of VmHWM, found {:+.1f} %\n", c->name,
               100 * tolerance, 100 * (ratio - 1));
  }
  return is_good ? 0 : 1;
}
