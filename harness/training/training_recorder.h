// A training's events in the store.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/clock.h"
#include "harness/training/prepared_training.h"
#include "models/distill/training.h"
#include "reports/store/training_log.h"

namespace hylo::harness {

struct TrainingLabels {
  std::string name;               ///< may be empty
  std::vector<std::string> argv;  ///< the command line, for people
  std::filesystem::path out;
};

/// A step as it is stored, less its place, time and memory. A part of the loss that the objective
/// does not measure is absent; one of exactly 0 is not.
reports::TrainingStep step_of(const models::Objective& objective, const models::StepReport& report);

class TrainingRecorder {
 public:
  /// Begins a run in the store, or goes on with that of the same name or output folder.
  TrainingRecorder(reports::Store& store, const PreparedTraining& prepared,
                   const models::Training& training, const TrainingLabels& labels);

  /// Of the same held-out documents; stored beside every validation from then on.
  void set_teachers(const models::HeldOutLoss& loss) { teachers_ = loss.cross_entropy; }
  void add(int64_t stage, const models::StepReport& report);
  void add(const models::Validation& validation);
  void add(const models::PreferenceValidation& validation);
  void add(const models::TrainingPlace& place, const std::filesystem::path& checkpoint);

  /// The student was asked: a run of the same store.
  void add_evaluation(const models::TrainingPlace& place, int64_t run);
  /// What is not a step took time.
  void rest() { since_last_step_ = Stopwatch(); }

  [[nodiscard]] int64_t id() const { return log_.id(); }

  void finish() { log_.finish(); }
  void stop() { log_.stop(); }
  void fail(const std::string& reason) { log_.fail(reason); }

 private:
  reports::TrainingLog log_;
  std::vector<models::Stage> stages_;
  std::string held_out_sha256_;  ///< and of their context; empty: none are
  std::optional<double> teachers_;
  Stopwatch since_last_step_;
};

}  // namespace hylo::harness
