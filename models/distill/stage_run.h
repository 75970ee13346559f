// One stage under way: batches in, steps of the optimiser out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/json.h"
#include "models/distill/stage.h"
#include "models/distill/token_stream.h"
#include "models/distill/trained_model.h"
#include "models/distill/training_checkpoint.h"

namespace hylo::models {

struct StepReport {
  int64_t step = 0;  ///< from 0
  int64_t num_rows = 0, num_labels = 0;
  LossParts loss;            ///< before the step
  double gradient_norm = 0;  ///< before clipping
  double learning_rate = 0;
  int64_t num_pairs = 0, num_cut_pairs = 0;  ///< of preferences; cut: too long for the context
};

/// What other models say of the stage's data, computed before.
struct KeptOfOthers {
  NamedTensors reference;  ///< for Prefer: what reference_likelihoods gave, by reference_name
  NamedTensors likeliest;  ///< for DistilLogits with top_k: what likeliest gave, by source
};

class StageRun {
 public:
  /// `teacher` may be null where the objective needs none. All must outlive the run. A batch whose
  /// loss is not finite is written into `record_folder`, pairs with what the reference gave them.
  StageRun(const Stage& stage, const Decoder* teacher, TrainedModel& student,
           std::filesystem::path record_folder, KeptOfOthers kept = {});

  /// One step on these rows. Throws Error naming step and file when the loss or the gradients are
  /// not finite; the weights are then as before the step.
  StepReport step(const PackedBatch& batch);

  [[nodiscard]] int64_t next_step() const { return next_step_; }
  [[nodiscard]] bool is_done() const { return next_step_ >= stage_.steps; }
  /// The optimiser's moments and counts, as views.
  [[nodiscard]] std::vector<std::pair<std::string, at::Tensor>> optimizer_state() const {
    return optimizer_.state();
  }
  [[nodiscard]] const NamedTensors& reference() const { return kept_.reference; }
  /// After the optimiser's state and the student's weights were filled.
  void continue_at(int64_t next_step) { next_step_ = next_step; }

 private:
  [[nodiscard]] std::vector<double> reference_of(const PackedBatch& batch) const;
  void add_likeliest(TrainingRows& rows, std::span<const SequencePlace> places) const;
  void add_pairs(OrderedJson& record, const PackedBatch& batch) const;
  void check_finite(const StepReport& report, const PackedBatch& batch) const;

  const Stage& stage_;
  const Decoder* teacher_;
  TrainedModel& student_;
  AdamW optimizer_;
  std::filesystem::path record_folder_;
  KeptOfOthers kept_;
  int64_t next_step_ = 0;
};

/// Of the pairs of a source, among the tensors of a reference.
std::string reference_name(const std::string& source);

/// The batch in pieces of whole sequences, or whole pairs, with at most max_rows rows each.
std::vector<TrainingRows> passes_of(const PackedBatch& batch, int64_t max_rows);

}  // namespace hylo::models
