// Tasks that a student is asked while it learns: each time a run in the store, as of `hylo eval`.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "harness/runner/groups.h"
#include "harness/runner/plan.h"
#include "harness/runner/runner.h"
#include "harness/system/decoder_system.h"
#include "models/distill/recipe.h"
#include "models/distill/trained_model.h"
#include "models/distill/training_checkpoint.h"
#include "models/tokenizer/tokenizer.h"
#include "reports/store/first_metrics.h"
#include "reports/store/store.h"

namespace hylo::harness {

/// A student before it learns anything, and what it is asked with.
struct EvaluatedStudent {
  models::ModelConfig config;
  std::shared_ptr<const models::Tokenizer> tokenizer;
  std::filesystem::path folder;     ///< where the training writes
  std::filesystem::path data_root;  ///< of the tasks' data sets
};

struct EvaluationLabels {
  std::string training;           ///< what names of runs begin with
  std::vector<std::string> argv;  ///< the command line, for people
};

struct EvaluationHooks {
  std::function<void(int64_t run)> on_begun;  ///< before anything is asked; may be empty
  RunnerHooks runner;
};

struct EvaluationOutcome {
  int64_t run = 0;
  RunEnd end = RunEnd::Complete;
  bool was_complete = false;                ///< nothing was left to ask
  std::vector<reports::FirstMetric> tasks;  ///< over the documents that are there
};

class StudentEvaluation {
 public:
  /// Opens the tasks and their data. Throws Error, naming the task and what to do: one that is
  /// unknown or asks a teacher, data that are missing, a prompt that does not fit in the context
  /// that the student has in a stage in which it is asked.
  StudentEvaluation(const models::Recipe& recipe, EvaluatedStudent student);

  /// Every so many steps, counted over all stages, and at the end of the last stage.
  [[nodiscard]] bool is_due(const models::TrainingPlace& place) const;
  /// Steps of all stages before a place.
  [[nodiscard]] int64_t total_step(const models::TrainingPlace& place) const;

  /// Asks what the store has not of a student with these very weights and this name:
  /// "TRAINING/step-50". Weights, random streams and threads stay as they are. Where another run
  /// has the name, a number stands behind it.
  EvaluationOutcome evaluate(const models::TrainedModel& student,
                             const models::TrainingPlace& place, reports::Store& store,
                             const EvaluationLabels& labels, const EvaluationHooks& hooks);

 private:
  void check_fits();
  void check_fits(const models::ModelConfig& config, const models::Stage& stage);
  [[nodiscard]] bool is_due_within(int64_t first_step, int64_t last_step) const;
  [[nodiscard]] DecoderSystem system_of(HeldModel model) const;

  models::Evaluation wanted_;
  std::vector<models::Stage> stages_;
  models::NumberType type_;
  EvaluatedStudent student_;
  NamedTasks named_;
  std::vector<PlannedTask> tasks_;
};

}  // namespace hylo::harness
