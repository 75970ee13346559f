// A whole training: stages one after another, with checkpoints from which it goes on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/json.h"
#include "models/config/checkpoint_format.h"
#include "models/distill/held_out_loss.h"
#include "models/distill/preference.h"
#include "models/distill/stage.h"
#include "models/distill/stage_run.h"
#include "models/distill/token_stream.h"
#include "models/distill/training_checkpoint.h"
#include "models/distill/training_flop.h"
#include "models/weights/checkpoint.h"

namespace hylo::models {

struct TrainingPlan {
  Json recipe;  ///< as its author wrote it: a training goes on under the same one only
  std::vector<Stage> stages;
  uint64_t seed = 0;
  NumberType type = NumberType::Float32;  ///< of the forward pass
  /// Of whose layers the student is made: what layers are aligned with. There until on_base_done.
  const Decoder* base = nullptr;
  const Decoder* teacher = nullptr;  ///< of logits; often the base. Outlives the training
  ModelConfig student;
  std::function<ModelWeights()> initial;  ///< called only where there is no checkpoint
  std::vector<TokenSource> sources;
  std::shared_ptr<const TokenDocuments> held_out;  ///< may be null: nothing is validated
  /// Pairs of preferences, on which stages of that kind are validated; may be null.
  std::shared_ptr<const TokenDocuments> held_out_pairs;
  /// Asked when a stage begins that learns from what was kept of the teacher: by source what
  /// likeliest() gives of all its tokens, in pieces of the stage's context. May be empty where no
  /// stage does.
  std::function<NamedTensors(int64_t stage)> likeliest;
  Provenance provenance;
};

/// A recipe without what changes no weight: its notes, how often is validated and saved, and what
/// is asked of the student meanwhile.
Json lasting_part(Json recipe);

struct Validation {
  TrainingPlace place;  ///< the step before which it was measured
  HeldOutLoss loss;
};

/// Of a stage that learns preferences.
struct PreferenceValidation {
  TrainingPlace place;
  PreferenceScore score;
};

struct TrainingEvents {
  std::function<void(int64_t stage, const StepReport&)> on_step;
  std::function<void(const Validation&)> on_validation;
  std::function<void(const PreferenceValidation&)> on_preferences;  ///< may be empty
  std::function<void(const TrainingPlace&, const std::filesystem::path&)> on_checkpoint;
  /// No stage from here on aligns layers: the plan's `base` is not looked at any more. May be
  /// empty.
  std::function<void()> on_base_done = {};
  /// Shown the student after each step, the last of a stage too, and again where a training is
  /// taken up within a stage. It must leave the student as it is. False: it was interrupted and
  /// wants to see these weights again: a checkpoint, and back. May be empty.
  std::function<bool(const TrainingPlace&, const TrainedModel&)> on_student = {};
  std::function<bool()> should_stop;  ///< asked after each step; true: a checkpoint, and back
};

class Training {
 public:
  /// Goes on from the newest checkpoint in `folder`/checkpoints, if there is one. Throws Error: the
  /// checkpoint is of another recipe, teacher or student (says what differs), a stage wants a
  /// teacher or a source that is not there, vocabularies differ.
  Training(TrainingPlan plan, std::filesystem::path folder);

  [[nodiscard]] TrainingPlace place() const { return place_; }
  [[nodiscard]] bool is_resumed() const { return resumed_from_.has_value(); }
  [[nodiscard]] bool is_complete() const { return place_.stage == std::ssize(plan_.stages); }
  [[nodiscard]] const TrainedModel& student() const { return *student_; }
  /// Absent where the training was begun by a hylo that did not write it.
  [[nodiscard]] const std::optional<TrainingSpent>& spent() const { return spent_; }

  /// To the end, or to where should_stop() says so. The same plan, machine and number of threads
  /// give the same weights, however often the training was stopped or killed.
  void run(const TrainingEvents& events);

  /// Of any model on the held-out documents; the context is the longest of the stages.
  [[nodiscard]] HeldOutLoss validate(const Decoder& model) const;

 private:
  [[nodiscard]] Json description() const;
  [[nodiscard]] Json describe_data() const;
  void check() const;
  void check_stages() const;
  void check_finite_weights() const;
  void begin();
  void resume(const std::filesystem::path& checkpoint);
  void make_student(const ModelWeights& weights, const Stage& stage);
  [[nodiscard]] ModelConfig config_of(int64_t stage) const;
  [[nodiscard]] std::vector<TokenSource> sources_of(const Stage& stage) const;
  [[nodiscard]] TokenStream stream_of(const Stage& stage) const;
  [[nodiscard]] NamedTensors reference_of(const Stage& stage) const;
  [[nodiscard]] NamedTensors stored_reference(const Stage& stage) const;
  [[nodiscard]] NamedTensors likeliest_of(const Stage& stage) const;
  void report_validation(const Stage& stage, const StageRun& run,
                         const TrainingEvents& events) const;
  void run_stage(const TrainingEvents& events);
  [[nodiscard]] bool is_seen(const TrainingEvents& events) const;
  void tell_if_base_is_done(const TrainingEvents& events);
  [[nodiscard]] RowFlop flop_of_row_in(const Stage& stage) const;
  void save(const StageRun* run, const TokenStream* stream, const TrainingEvents& events) const;

  TrainingPlan plan_;
  std::filesystem::path folder_;
  TrainingCheckpoints checkpoints_;
  Json data_description_;
  TrainingPlace place_;
  std::optional<TrainingSpent> spent_ = TrainingSpent();
  std::optional<std::filesystem::path> resumed_from_;
  std::optional<TrainingCheckpoint> state_;  ///< of the stage that is taken up
  std::unique_ptr<TrainedModel> student_;
};

}  // namespace hylo::models
