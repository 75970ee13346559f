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

/// How often logits of a row are formed, how often gradients of them, how often the teacher's.
struct Walks {
  double forward = 0, backward = 0, teacher = 0;
};
struct HeadWalks {
  Walks all, labelled;  ///< of every row; of rows with a label beside that
};

/// Two losses are two walks; preferences form logits for the slopes of the pairs and again for the
/// gradients.
HeadWalks walks_of_head(const Objective& objective) {
  return std::visit(overloaded{[](const AlignLayers&) { return HeadWalks(); },
                               [](const AlignMixing&) { return HeadWalks(); },
                               [](const DistilLogits& o) {
                                 HeadWalks walks;
                                 const double entropies = o.ce_weight > 0 ? 1 : 0;
                                 walks.labelled = {entropies, entropies, 0};
                                 auto& divergence = o.only_labels ? walks.labelled : walks.all;
                                 ++divergence.forward;
                                 ++divergence.backward;
                                 if (o.top_k == 0) ++divergence.teacher;
                                 return walks;
                               },
                               [](const NextToken&) {
                                 return HeadWalks{.all = {}, .labelled = {1, 1, 0}};
                               },
                               [](const Prefer&) {
                                 return HeadWalks{.all = {2, 1, 0}, .labelled = {}};
                               }},
                    objective);
}

void add_walks(const Walks& walks, const StageModels& models, const ModelConfig* teacher,
               StageFlop& flop) {
  const double head = head_flop(models.student);
  flop.forward += walks.forward * head;
  flop.backward += 2 * walks.backward * head;
  if (teacher) flop.teacher += walks.teacher * head_flop(*teacher);
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
  if (!needs_teacher(objective) || std::holds_alternative<Prefer>(objective)) return nullptr;
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

StageFlop RowFlop::of(int64_t num_rows, int64_t num_labels) const {
  const auto rows = static_cast<double>(num_rows), labels = static_cast<double>(num_labels);
  const auto sum = [&](double StageFlop::*part) { return row.*part * rows + label.*part * labels; };
  return {.forward = sum(&StageFlop::forward),
          .backward = sum(&StageFlop::backward),
          .recomputation = sum(&StageFlop::recomputation),
          .teacher = sum(&StageFlop::teacher)};
}

RowFlop flop_of_row(const Stage& stage, const StageModels& models) {
  RowFlop flop;
  auto& row = flop.row;
  for (int64_t i = 0; i < std::ssize(models.student.layers); ++i) {
    if (models.is_copied(stage.objective, i)) continue;
    row.forward += layer_flop(models.student, i, stage.context_length);
    if (std::holds_alternative<AlignMixing>(stage.objective)) {
      row.forward +=
          matrix_flop(models.student.layers[static_cast<size_t>(i)].mixer, stage.context_length);
    }
  }
  if (stage.recompute_layers && !aligns_with_base(stage.objective)) {
    row.recomputation = row.forward;
  }
  row.backward = 2 * row.forward;
  const auto* teacher = models.teacher_of(stage.objective);
  if (teacher) row.teacher = layers_flop(*teacher, stage.context_length);
  const auto walks = walks_of_head(stage.objective);
  add_walks(walks.all, models, teacher, flop.row);
  add_walks(walks.labelled, models, teacher, flop.label);
  return flop;
}

bool labels_decide_logits(const Objective& objective) {
  return walks_of_head(objective).labelled.forward > 0;
}

}  // namespace hylo::models
