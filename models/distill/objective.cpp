#include "models/distill/objective.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <functional>

#include "harness/base/error.h"
#include "harness/base/overloaded.h"
#include "kernels/ops/cross_entropy.h"
#include "models/distill/packed_rows.h"
#include "models/distill/preference.h"
#include "models/distill/teacher_logits.h"
#include "models/mixers/mixing_rows.h"

namespace hylo::models {
namespace {

double per(int64_t count) { return count > 0 ? 1 / static_cast<double>(count) : 0; }

/// The sum over rows of their distances, times `factor`.
at::Tensor scaled_distance(const at::Tensor& a_ND, const at::Tensor& b_ND, double factor) {
  const auto wide = a_ND.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  return at::linalg_vector_norm(a_ND.to(wide) - b_ND.to(wide), 2, at::IntArrayRef{-1}).sum() *
         factor;
}

std::vector<std::vector<at::Tensor>> tensors_by_layer(const Decoder& model) {
  constexpr std::string_view prefix = "layers.";
  std::vector<std::vector<at::Tensor>> layers(model.config().layers.size());
  visit_weights(model.config(), model.weights(),
                [&](const WeightSlot& slot, const at::Tensor& tensor) {
                  if (!slot.name.starts_with(prefix)) return;
                  layers.at(std::stoul(slot.name.substr(prefix.size()))).push_back(tensor);
                });
  return layers;
}

/// Layers of the student that are still the base's, bit by bit. They have nothing to learn; and as
/// a distance has a gradient of full size however small it is, rounding would move them.
std::vector<bool> copied_layers(const Decoder& base, const Decoder& student) {
  const auto theirs = tensors_by_layer(base), ours = tensors_by_layer(student);
  std::vector<bool> are_copies;
  for (size_t i = 0; i < ours.size(); ++i) {
    const bool is_alike = base.config().layers[i] == student.config().layers[i];
    are_copies.push_back(is_alike && std::ranges::equal(theirs[i], ours[i], [](auto& a, auto& b) {
                           return at::equal(a, b);
                         }));
  }
  return are_copies;
}

/// Indices of rows that have one; undefined where all do, which needs no copy.
at::Tensor rows_with_label(const at::Tensor& labels_N) {
  const auto counted = (labels_N != kernels::no_label).nonzero().flatten();
  return counted.size(0) == labels_N.size(0) ? at::Tensor() : counted;
}

/// `rows` undefined: all of them.
at::Tensor rows_of(const at::Tensor& of_all, const at::Tensor& rows) {
  return rows.defined() ? of_all.index_select(0, rows) : of_all;
}

class Pass {
 public:
  Pass(const Decoder* teacher, const Decoder& student, const TrainingRows& rows,
       const PassOptions& options)
      : teacher_(teacher),
        student_(student),
        rows_(rows),
        options_(options),
        batch_(packed_batch(rows.sequence_rows)) {}

  LossParts operator()(const AlignLayers& objective) const {
    const auto target = teachers({.keep_hidden = true});
    const double factor = per(options_.counts.num_rows);
    const auto are_copies = copied_layers(*teacher_, student_);
    LossParts parts;
    for (size_t i = 0; i < target.hidden_ND.size(); ++i) {
      parts.layers.push_back(0);
      parts.mixers.push_back(0);
      if (are_copies[i]) continue;
      const bool is_last = i + 1 == target.hidden_ND.size();
      const auto made = student_.forward_layer(i, target.hidden_ND[i], batch_);
      const auto layer =
          scaled_distance(is_last ? student_.final_norm(made.out_ND) : made.out_ND,
                          is_last ? target.normed_ND : target.hidden_ND[i + 1], factor);
      const auto mixer = scaled_distance(made.mixed_ND, target.mixed_ND[i], factor);
      const auto loss = objective.layer_weight * layer + objective.mixer_weight * mixer;
      // A layer that is frozen whole has nothing to learn.
      if (loss.requires_grad()) loss.backward();
      parts.layers.back() = layer.item<double>();
      parts.mixers.back() = mixer.item<double>();
      parts.total += loss.item<double>();
    }
    return parts;
  }

  LossParts operator()(const AlignMixing&) const {
    const auto target = teachers({.keep_hidden = true});
    LossParts parts;
    for (size_t i = 0; i < target.hidden_ND.size(); ++i) {
      parts.mixers.push_back(0);
      if (!has_matrix_to_align(teacher_->config().layers[i], student_.config().layers[i])) continue;
      const auto theirs_NHT = teachers_matrices(i, target.hidden_ND[i]);
      const auto loss =
          matrix_distance(student_.mixing_rows(i, target.hidden_ND[i], batch_), theirs_NHT);
      if (loss.requires_grad()) loss.backward();
      parts.mixers.back() = loss.item<double>();
      parts.total += parts.mixers.back();
    }
    return parts;
  }

  LossParts operator()(const DistilLogits& objective) const {
    const auto target = objective.top_k > 0 ? ForwardOut() : teachers({});
    const auto out = students();
    const auto& normed_ND = out.normed_ND;
    LossParts parts;
    const auto labels_N = labels_of(rows_);
    const bool masks = objective.only_labels;
    const auto counted = masks ? rows_with_label(labels_N) : at::Tensor();
    // With its square the gradients keep their size whatever the temperature.
    const double weight = objective.kl_weight * objective.temperature * objective.temperature;
    const double factor =
        weight * per(masks ? options_.counts.num_labels : options_.counts.num_rows);
    auto loss =
        objective.top_k > 0
            ? kept_divergence(normed_ND, counted, factor)
            : kernels::kl_divergence(
                  {.student = last_projection(student_, rows_of(normed_ND, counted)),
                   .teacher = last_projection(*teacher_, rows_of(target.normed_ND, counted)),
                   .direction = objective.direction,
                   .temperature = objective.temperature,
                   .factor = factor})
                  .sum;
    parts.divergence = loss.item<double>() / weight;
    if (objective.ce_weight > 0) {
      const auto entropy = cross_entropy(normed_ND, labels_N, objective.ce_weight, 0);
      parts.cross_entropy = entropy.item<double>() / objective.ce_weight;
      loss = loss + entropy;
    }
    parts.total = loss.item<double>();
    add_routers(out, loss, parts).backward();
    return parts;
  }

  LossParts operator()(const NextToken& objective) const {
    const auto out = students();
    const auto loss = cross_entropy(out.normed_ND, labels_of(rows_), 1, objective.z_loss);
    LossParts parts;
    parts.total = loss.item<double>();
    if (objective.z_loss == 0) parts.cross_entropy = parts.total;
    add_routers(out, loss, parts).backward();
    return parts;
  }

  /// The loss is no sum over tokens. Its gradient is that of a sum in which a token counts with the
  /// slope of its pair, so that logits are computed twice: for the slopes, and for the gradients.
  LossParts operator()(const Prefer& objective) const {
    invariant(rows_.reference.size() == rows_.sequence_rows.size(), "pairs without a reference");
    const auto out = students();
    const auto likelihoods = log_likelihoods(student_, out.normed_ND, rows_);
    const double share = per(options_.counts.num_pairs);
    LossParts parts;
    std::vector<double> weights;  // Of each sequence's tokens.
    for (size_t i = 0; i < likelihoods.size(); i += 2) {
      const double margin = margin_of(std::span(likelihoods).subspan(i).first<2>(),
                                      rows_.reference.subspan(i).first<2>());
      const auto [loss, slope] = pair_loss(objective, margin);
      parts.total += share * loss;
      parts.margin += share * margin;
      parts.accuracy += margin > 0 ? share : 0;
      weights.insert(weights.end(), {-share * slope, share * slope});
    }
    const auto loss = kernels::cross_entropy({.student = last_projection(student_, out.normed_ND),
                                              .labels_N = labels_of(rows_),
                                              .weights_N = spread(weights)})
                          .sum;
    add_routers(out, loss, parts).backward();
    return parts;
  }

 private:
  [[nodiscard]] ForwardOut teachers(const ForwardOptions& options) const {
    invariant(teacher_, "a stage that learns from a teacher has none");
    const at::NoGradGuard no_grad;
    return teacher_->forward(rows_.tokens_N, batch_, options);
  }
  [[nodiscard]] ForwardOut students() const {
    return student_.forward(rows_.tokens_N, batch_,
                            {.keep_hidden = options_.router.is_active(),
                             .recompute_layers = options_.recompute_layers});
  }
  /// With this pass's share of the routers' loss, which is a mean over rows.
  [[nodiscard]] at::Tensor add_routers(const ForwardOut& out, const at::Tensor& loss,
                                       LossParts& parts) const {
    const auto& router = options_.router;
    if (!router.is_active()) return loss;
    const auto terms = router_terms(student_.config(), student_.weights(), out.router_logits_NE);
    const double share = static_cast<double>(rows_.tokens_N.size()) * per(options_.counts.num_rows);
    const auto added = share * (router.balance_weight * terms.balance + router.z_weight * terms.z);
    parts.balance = share * terms.balance.item<double>();
    parts.total += added.item<double>();
    return loss + added;
  }
  [[nodiscard]] at::Tensor kept_divergence(const at::Tensor& normed_ND, const at::Tensor& counted,
                                           double factor) const {
    invariant(rows_.likeliest_N2k.defined(), "nothing was kept of the teacher");
    const auto kept = unpacked(rows_of(rows_.likeliest_N2k, counted));
    return kernels::top_k_divergence(
               {.student = last_projection(student_, rows_of(normed_ND, counted)),
                .ids_Nk = kept.ids_Nk,
                .probabilities_Nk = kept.probabilities_Nk,
                .factor = factor})
        .sum;
  }
  /// Rows without a label cost no logits: of texts that are mostly read, these are most.
  [[nodiscard]] at::Tensor cross_entropy(const at::Tensor& normed_ND, const at::Tensor& labels_N,
                                         double weight, double z_loss) const {
    const auto counted = rows_with_label(labels_N);
    return kernels::cross_entropy({last_projection(student_, rows_of(normed_ND, counted)),
                                   rows_of(labels_N, counted), z_loss,
                                   weight * per(options_.counts.num_labels)})
        .sum;
  }

  [[nodiscard]] at::Tensor teachers_matrices(size_t layer, const at::Tensor& x_ND) const {
    const at::NoGradGuard no_grad;
    return teacher_->mixing_rows(layer, x_ND, batch_);
  }
  /// Of this pass's share of the sequences.
  [[nodiscard]] at::Tensor matrix_distance(const at::Tensor& ours_NHT,
                                           const at::Tensor& theirs_NHT) const {
    const auto difference_NHT = ours_NHT - theirs_NHT.to(ours_NHT.scalar_type());
    std::vector<at::Tensor> of_sequences;
    int64_t first = 0;
    for (const auto count : rows_.sequence_rows) {
      of_sequences.push_back(
          at::linalg_vector_norm(difference_NHT.narrow(0, first, count), 2, at::IntArrayRef{0, 2})
              .mean());
      first += count;
    }
    return at::stack(of_sequences).sum() * per(options_.counts.num_sequences);
  }
  /// A number of each sequence, for each of its rows.
  [[nodiscard]] at::Tensor spread(const std::vector<double>& of_sequences) const {
    auto of_rows_N =
        at::empty({std::ssize(rows_.tokens_N)}, at::TensorOptions().dtype(at::kDouble));
    auto* row = of_rows_N.mutable_data_ptr<double>();
    for (size_t i = 0; i < of_sequences.size(); ++i) {
      row = std::fill_n(row, rows_.sequence_rows[i], of_sequences[i]);
    }
    return of_rows_N;
  }

  const Decoder* teacher_;
  const Decoder& student_;
  const TrainingRows& rows_;
  const PassOptions& options_;
  Batch batch_;
};

void add(std::vector<double>& to, const std::vector<double>& what) {
  to.resize(std::max(to.size(), what.size()));
  std::ranges::transform(what, to, to.begin(), std::plus<>());
}

}  // namespace

std::string name_of(const Objective& objective) {
  return std::visit(overloaded{[](const AlignLayers&) { return "align_layers"; },
                               [](const AlignMixing&) { return "align_mixing"; },
                               [](const DistilLogits&) { return "distill_logits"; },
                               [](const NextToken&) { return "next_token"; },
                               [](const Prefer&) { return "prefer"; }},
                    objective);
}

bool needs_teacher(const Objective& objective) {
  return std::visit(
      overloaded{[](const AlignLayers&) { return true; }, [](const AlignMixing&) { return true; },
                 [](const DistilLogits& o) { return o.top_k == 0; },
                 [](const NextToken&) { return false; },
                 [](const Prefer& o) { return o.reference == Prefer::Reference::Teacher; }},
      objective);
}

bool runs_whole_student(const Objective& objective) { return !aligns_with_base(objective); }

int64_t kept_top_k(const Objective& objective) {
  const auto* distil = std::get_if<DistilLogits>(&objective);
  return distil ? distil->top_k : 0;
}

bool aligns_with_base(const Objective& objective) {
  return std::holds_alternative<AlignLayers>(objective) ||
         std::holds_alternative<AlignMixing>(objective);
}

bool has_matrix_to_align(const LayerSpec& base, const LayerSpec& student) {
  const auto ours = num_mixing_heads(student.mixer);
  if (!ours || std::holds_alternative<AttentionSpec>(student.mixer)) return false;
  const auto* attention = std::get_if<AttentionSpec>(&base.mixer);
  require(attention != nullptr, "its base has no attention there");
  require(attention->num_heads == *ours,
          "its mixer has {} heads, the attention that it comes from {}", *ours,
          attention->num_heads);
  return true;
}

LossParts& LossParts::operator+=(const LossParts& other) {
  total += other.total;
  divergence += other.divergence;
  balance += other.balance;
  cross_entropy += other.cross_entropy;
  add(layers, other.layers);
  add(mixers, other.mixers);
  margin += other.margin;
  accuracy += other.accuracy;
  return *this;
}

LossParts add_gradients(const Objective& objective, const Decoder* teacher, const Decoder& student,
                        const TrainingRows& rows, const PassOptions& options) {
  return std::visit(Pass(teacher, student, rows, options), objective);
}

}  // namespace hylo::models
