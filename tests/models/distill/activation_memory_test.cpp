// What is counted of a layer's memory against what its tensors take.
#include "models/distill/activation_memory.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "models/decoder/decoder.h"
#include "models/weights/checkpoint.h"
#include "models/weights/number_types.h"
#include "tests/models/counted_memory.h"

namespace hylo::models {
namespace {

using tests::CountedMemory;

/// Small tensors (tables, sums of rows) and what the allocator adds are not counted.
constexpr double kept_tolerance = 0.03;
/// The backward pass is counted at its two heaviest moments only.
constexpr double peak_tolerance = 0.06;

constexpr int64_t model_width = 256;
constexpr PassShape shape{.num_rows = 1024, .sequence_rows = 512};

const AttentionSpec attention{
    .num_heads = 8, .num_kv_heads = 2, .head_width = 32, .rope = {.width = 32}};
const SwiGluSpec dense{.width = 512};

struct Measured {
  int64_t kept = 0, peak = 0;
};

/// One layer's own graph, its input among it; the gradients of its weights are there beforehand.
Measured measure(const LayerSpec& spec, const PassShape& pass) {
  const ModelConfig config{.backbone = {},
                           .vocabulary_size = 16,
                           .width = model_width,
                           .layers = {spec},
                           .final_norm_epsilon = {},
                           .max_positions = 4096,
                           .bos = {},
                           .eos = {},
                           .pad = {}};
  auto weights = random_weights(config, pass.type, 1);
  visit_weights(config, weights, [](const WeightSlot&, at::Tensor& w) { w.requires_grad_(true); });
  const Decoder model(config, weights);
  Batch batch;
  for (int64_t i = 0; i < pass.num_sequences(); ++i) {
    batch.sequences.push_back({nullptr, pass.sequence_rows});
  }
  const auto run = [&](CountedMemory* memory) {
    const auto before = memory ? memory->bytes() : 0;
    const auto x =
        at::randn({pass.num_rows, model_width}).to(scalar_type(pass.type)).requires_grad_(true);
    Measured measured;
    {
      const auto out = model.forward_layer(0, x, batch).out_ND;
      auto loss = out.sum();
      if (memory) measured.kept = memory->bytes() - before - out.numel() * out.element_size();
      if (memory) memory->forget_peak();
      loss.backward();
    }
    if (memory) measured.peak = memory->peak_bytes() - before;
    return measured;
  };
  run(nullptr);
  CountedMemory memory;
  return run(&memory);
}

void expect_counted(const LayerSpec& spec, NumberType type) {
  auto pass = shape;
  pass.type = type;
  const auto mixer = mixer_memory(spec.mixer, model_width, pass);
  const auto fed = feed_forward_memory(spec.feed_forward, model_width, pass);
  const auto tables = rotary_bytes(spec.mixer, pass);
  const auto kept = static_cast<double>(tables + mixer.kept_bytes + fed.kept_bytes);
  const auto peak =
      static_cast<double>(std::max(mixer.kept_bytes + fed.kept_bytes + fed.backward_bytes,
                                   mixer.kept_bytes + mixer.backward_bytes));
  const auto measured = measure(spec, pass);
  EXPECT_NEAR(kept / static_cast<double>(measured.kept), 1, kept_tolerance)
      << kind_name(spec.mixer) << " " << type_name(type) << ": kept " << kept << ", measured "
      << measured.kept << ", a row " << static_cast<double>(measured.kept) / shape.num_rows;
  EXPECT_NEAR(peak / static_cast<double>(measured.peak), 1, peak_tolerance)
      << kind_name(spec.mixer) << " " << type_name(type) << ": peak " << peak << ", measured "
      << measured.peak << "; kept " << measured.kept;
}

const MixerSpec mixers[] = {
    attention,
    AttentionSpec{.num_heads = 8,
                  .num_kv_heads = 2,
                  .head_width = 32,
                  .head_norms = HeadNorms::PerHead,
                  .output_gate = true,
                  .rope = {.width = 32}},
    MlaSpec{.num_heads = 8,
            .num_kv_heads = 2,
            .latent_rank = 48,
            .query_rank = 96,
            .nope_width = 16,
            .rope_width = 16,
            .value_width = 32,
            .scale = 0.2,
            .rope = {.width = 16}},
    Mamba2Spec{.num_heads = 8,
               .num_value_heads = 2,
               .num_key_heads = 2,
               .num_query_heads = 8,
               .key_width = 32,
               .value_width = 32},
    DiscreteMamba2Spec{.num_heads = 8, .num_key_heads = 8, .key_width = 32, .value_width = 32},
    GatedDeltaSpec{.num_key_heads = 4, .num_heads = 4, .key_width = 48, .value_width = 96},
    KimiDeltaSpec{.num_heads = 4, .head_width = 64},
    JetBlockSpec{.num_heads = 4, .key_width = 48, .value_width = 96, .generator_width = 32},
};

TEST(ActivationMemory, EveryMixerKeepsWhatIsCounted) {
  for (const auto& mixer : mixers) expect_counted({mixer, NoFeedForward{}}, NumberType::Float32);
}

TEST(ActivationMemory, EveryMixerKeepsWhatIsCountedInBfloat16) {
  for (const auto& mixer : mixers) expect_counted({mixer, NoFeedForward{}}, NumberType::BFloat16);
}

TEST(ActivationMemory, FeedForwardsKeepWhatIsCounted) {
  const MoeSpec experts{.num_experts = 8,
                        .experts_per_token = 2,
                        .width = 192,
                        .router = {.normalised = true},
                        .shared_width = 128,
                        .shared_gate = true};
  for (const auto type : {NumberType::Float32, NumberType::BFloat16}) {
    expect_counted({attention, dense}, type);
    expect_counted({attention, experts}, type);
  }
}

}  // namespace
}  // namespace hylo::models
