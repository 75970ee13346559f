#include "models/distill/training_flop.h"

#include <algorithm>

#include "harness/base/overloaded.h"
#include "kernels/cpu/recurrence.h"
#include "models/weights/weights.h"

namespace hylo::models {
namespace {

/// Of all matrices that a row of the layer meets; taps of convolutions among them.
double product_flop(const ModelConfig& config, int64_t layer) {
  const auto prefix = fmt::format("layers.{}.", layer);
  const auto* moe = std::get_if<MoeSpec>(&config.layers[static_cast<size_t>(layer)].feed_forward);
  double flop = 0;
  auto weights = empty_weights(config);
  visit_weights(config, weights, [&](const WeightSlot& slot, at::Tensor&) {
    if (!slot.name.starts_with(prefix) || slot.shape.size() != 2) return;
    const bool is_expert = moe && slot.name.find(".experts.") != std::string::npos;
    const double share = is_expert ? static_cast<double>(moe->experts_per_token) /
                                         static_cast<double>(moe->num_experts)
                                   : 1;
    flop += 2 * share * static_cast<double>(slot.shape[0] * slot.shape[1]);
  });
  return flop;
}

constexpr int64_t chunk = kernels::cpu::chunk_rows;

/// Scores within a chunk, what they weigh, and the state read and written.
double scan_flop(int64_t heads, int64_t key_width, int64_t value_width) {
  return static_cast<double>(
      heads * (2 * chunk * key_width + 2 * chunk * value_width + 4 * key_width * value_width));
}
/// Beside them the triangular system of the delta rule.
double delta_flop(int64_t heads, int64_t key_width, int64_t value_width) {
  return static_cast<double>(heads) *
         (static_cast<double>(6 * chunk * key_width + 4 * chunk * value_width +
                              6 * key_width * value_width) +
          2.0 / 3 * static_cast<double>(chunk * chunk));
}

/// What a row does beside the products with weights.
double mixing_flop(const MixerSpec& mixer, int64_t sequence_rows) {
  return std::visit(
      overloaded{
          [&](const AttentionSpec& s) {
            const double seen = static_cast<double>(sequence_rows) / 2;
            const double most = static_cast<double>(s.window.value_or(sequence_rows));
            return 4 * static_cast<double>(s.num_heads * s.head_width) * std::min(seen, most);
          },
          [&](const MlaSpec& s) {
            return static_cast<double>(s.num_heads * (s.nope_width + s.rope_width + s.value_width) *
                                       sequence_rows);
          },
          [](const Mamba2Spec& s) { return scan_flop(s.num_heads, s.key_width, s.value_width); },
          [](const DiscreteMamba2Spec& s) {
            return scan_flop(s.num_heads, s.key_width, s.value_width);
          },
          [](const GatedDeltaSpec& s) {
            return delta_flop(s.num_heads, s.key_width, s.value_width);
          },
          [](const KimiDeltaSpec& s) {
            return delta_flop(s.num_heads, s.head_width, s.head_width);
          },
          [](const JetBlockSpec& s) {
            return delta_flop(s.num_heads, s.key_width, s.value_width) +
                   static_cast<double>(2 * s.conv_width * s.conv_channels());
          }},
      mixer);
}

/// What a row's share of its matrix takes where it is formed: products of queries and keys, or the
/// delta rule for as many values as there are rows.
double matrix_flop(const MixerSpec& mixer, int64_t sequence_rows) {
  const auto products = [&](const auto& s) {
    return static_cast<double>(2 * s.num_heads * s.key_width * sequence_rows);
  };
  if (const auto* mamba = std::get_if<Mamba2Spec>(&mixer)) return products(*mamba);
  if (const auto* discrete = std::get_if<DiscreteMamba2Spec>(&mixer)) return products(*discrete);
  const auto* delta = std::get_if<GatedDeltaSpec>(&mixer);
  return delta ? delta_flop(delta->num_heads, delta->key_width, sequence_rows) : 0;
}

double layers_flop(const ModelConfig& config, int64_t sequence_rows) {
  double flop = 0;
  for (int64_t i = 0; i < std::ssize(config.layers); ++i) {
    flop += layer_flop(config, i, sequence_rows);
  }
  return flop;
}

/// How often logits are formed, and how often gradients of them: two losses are two walks;
/// preferences form them for the slopes of the pairs and again for the gradients.
std::pair<double, double> walks_of_head(const Objective& objective) {
  if (std::holds_alternative<Prefer>(objective)) return {2, 1};
  const auto* distil = std::get_if<DistilLogits>(&objective);
  return distil && distil->ce_weight > 0 ? std::pair(2.0, 2.0) : std::pair(1.0, 1.0);
}

}  // namespace

double layer_flop(const ModelConfig& config, int64_t layer, int64_t sequence_rows) {
  return product_flop(config, layer) +
         mixing_flop(config.layers[static_cast<size_t>(layer)].mixer, sequence_rows);
}

double head_flop(const ModelConfig& config) {
  return 2 * static_cast<double>(config.width * config.vocabulary_size);
}

const ModelConfig* StageModels::teacher_of(const Objective& objective) const {
  if (aligns_with_base(objective)) return base;
  if (!needs_teacher(objective)) return nullptr;
  return teacher ? teacher : base;
}

bool StageModels::is_copied(const Objective& objective, int64_t layer) const {
  const auto i = static_cast<size_t>(layer);
  if (!aligns_with_base(objective) || !base) return false;
  if (std::holds_alternative<AlignMixing>(objective)) {
    return !has_matrix_to_align(base->layers.at(i), student.layers.at(i));
  }
  return base->layers.at(i) == student.layers.at(i);
}

StageFlop flop_of_row(const Stage& stage, const StageModels& models) {
  const bool aligns = aligns_with_base(stage.objective);
  StageFlop flop;
  for (int64_t i = 0; i < std::ssize(models.student.layers); ++i) {
    if (models.is_copied(stage.objective, i)) continue;
    flop.forward += layer_flop(models.student, i, stage.context_length);
    if (std::holds_alternative<AlignMixing>(stage.objective)) {
      flop.forward +=
          matrix_flop(models.student.layers[static_cast<size_t>(i)].mixer, stage.context_length);
    }
  }
  if (stage.recompute_layers && !aligns) flop.recomputation = flop.forward;
  const auto* teacher = models.teacher_of(stage.objective);
  if (teacher) flop.teacher = layers_flop(*teacher, stage.context_length);
  flop.backward = 2 * flop.forward;
  if (!aligns) {
    const double head = head_flop(models.student);
    const auto [forward, backward] = walks_of_head(stage.objective);
    flop.forward += forward * head;
    flop.backward += 2 * backward * head;
    if (teacher) flop.teacher += head_flop(*teacher);
  }
  return flop;
}

}  // namespace hylo::models
