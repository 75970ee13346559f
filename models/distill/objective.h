// What a stage of training makes small, and the gradients of one pass over rows.
// Sources: AMD-AGI/AMD-Hybrid-Models, Zebra-Llama/trainer/kd_trainer.py (intermediate layers,
// divergence of logits).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "harness/base/json.h"
#include "kernels/ops/kl_divergence.h"
#include "models/decoder/decoder.h"
#include "models/distill/router_loss.h"

namespace hylo::models {

/// Every layer of the student, given the teacher's input of that layer, against the teacher's:
/// sum over layers of the means over rows of layer_weight |h - h_t|_2 + mixer_weight |a - a_t|_2.
/// Layers that are still the teacher's, bit by bit, are left as they are and count as 0.
/// h: what the layer gives, the last one's after the final norm. a: what its mixer gives.
struct AlignLayers {
  double layer_weight = 1, mixer_weight = 1;
  bool operator==(const AlignLayers&) const = default;
};

/// Every layer's mixer as a matrix beside the teacher's attention, given the teacher's input of
/// that layer: the sum over layers of |M - M_t| (Frobenius), the mean over heads and sequences.
/// Layers whose mixer the student has from its teacher as it is, and mixers without a matrix (MLA),
/// are left as they are and count as 0. What stands outside of the matrix (gates, norms, output
/// projections, feed-forwards) gets no gradient.
/// Source: Bick et al. 2024 (arXiv 2408.10189), MOHAWK, section 4.1.
struct AlignMixing {
  /// Matrices have a row and a column for each token, in every head.
  static constexpr int64_t max_context = 1024;
  bool operator==(const AlignMixing&) const = default;
};

/// kl_weight times temperature^2 times the divergence of next tokens from the teacher's, the mean
/// over all rows, plus ce_weight times the cross-entropy, the mean over rows with labels.
struct DistilLogits {
  double kl_weight = 1, ce_weight = 0;
  double temperature = 1;
  kernels::KlDirection direction = kernels::KlDirection::Forward;
  bool only_labels = false;  ///< the divergence too counts rows with labels only
  /// Not 0: the teacher is what was kept of it (teacher_logits.h), its likeliest so many tokens and
  /// the rest as one. Forward divergence, temperature 1.
  int64_t top_k = 0;
  bool operator==(const DistilLogits&) const = default;
};

/// The mean cross-entropy of rows with labels; no teacher.
struct NextToken {
  double z_loss = 0;
  bool operator==(const NextToken&) const = default;
};

/// Of pairs of texts, the better one more likely than the worse one, as far as a reference does not
/// find it so already (direct preference optimisation; the loss is pair_loss in preference.h).
struct Prefer {
  /// Who the reference is: the student as the stage begins, or the teacher. What it gives the pairs
  /// is computed as the stage begins and kept: no second model beside the student, nothing computed
  /// twice in several epochs, and a training that goes on has it.
  enum class Reference { Student, Teacher };
  double beta = 0.1;
  double label_smoothing = 0;  ///< the share of pairs that are thought to be the wrong way round
  Reference reference = Reference::Student;
  int64_t max_prompt_tokens = 0;  ///< of texts that are too long; see PairLimits
  bool operator==(const Prefer&) const = default;
};

using Objective = std::variant<AlignLayers, AlignMixing, DistilLogits, NextToken, Prefer>;

std::string name_of(const Objective& objective);
bool needs_teacher(const Objective& objective);

/// Of DistilLogits that learns from what was kept of its teacher; else 0.
int64_t kept_top_k(const Objective& objective);

/// Whether the loss is of what the whole student gives, and so may have that of routers beside it.
bool runs_whole_student(const Objective& objective);

/// Whether the layers of the base are the teacher.
bool aligns_with_base(const Objective& objective);

/// Whether AlignMixing changes this layer. Throws Error where the matrices of the two cannot be
/// laid beside one another: another mixer than attention in the base, or another number of heads.
bool has_matrix_to_align(const LayerSpec& base, const LayerSpec& student);

/// Rows of one forward and backward pass.
struct TrainingRows {
  std::span<const int32_t> tokens_N;
  std::span<const int64_t> labels_N;  ///< of the next token, or kernels::no_label
  std::span<const int64_t> sequence_rows;
  /// For DistilLogits with top_k: what the teacher gives the rows, as likeliest() has it.
  at::Tensor likeliest_N2k = {};
  /// For Prefer: what the reference gives each sequence, nats. Sequences are pairs then.
  std::span<const double> reference = {};
};

/// What a step's rows are divided by, all its passes together.
struct StepCounts {
  int64_t num_rows = 0, num_labels = 0, num_sequences = 0, num_pairs = 0;
};

/// Parts of the loss, already divided; those of a step's passes add up to the step's.
struct LossParts {
  double total = 0;                    ///< what gradients are of
  double divergence = 0;               ///< nats a row, without weights
  double balance = 0;                  ///< of routers, without weight; 1 is even
  double cross_entropy = 0;            ///< nats a label, without weights; 0 beside a z-loss
  std::vector<double> layers, mixers;  ///< mean distances, by layer; mixers: of their matrices too
  double margin = 0;                   ///< of pairs, the mean in nats
  double accuracy = 0;                 ///< share of pairs whose margin is above 0
  LossParts& operator+=(const LossParts& other);
};

struct PassOptions {
  StepCounts counts;
  bool recompute_layers = false;
  RouterLoss router;  ///< beside losses of the whole student; not where layers are recomputed
};

/// Adds the gradients of the student's loss on these rows to its leaves. `teacher` may be null
/// where none is needed. Peak memory: AlignLayers holds the teacher's hidden states of all layers
/// and the graph of one layer; the others hold the student's graph, and logits in pieces.
LossParts add_gradients(const Objective& objective, const Decoder* teacher, const Decoder& student,
                        const TrainingRows& rows, const PassOptions& options);

/// Throws Error, naming the path, for unknown kinds and keys.
Objective read_objective(JsonReader& stage);
void describe(const Objective& objective, OrderedJson& stage);

}  // namespace hylo::models
