// What a training run hands to the store and what comes back out of it: plain data.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/json.h"

namespace hylo::reports {

/// A stage as it is planned.
struct TrainingStage {
  std::string name;
  std::string kind;  ///< "align_layers", "distil_logits", "next_token"
  int64_t num_steps = 0;
  std::optional<int64_t> tokens_per_step;
  std::optional<int64_t> context_length;
};

struct TrainingDescription {
  std::string name;  ///< unique among the store's training runs; may be empty
  std::string recipe_name;
  OrderedJson recipe = OrderedJson::object();  ///< what a resumed run must have again
  std::optional<std::string> teacher_name;     ///< none: trained without a teacher
  std::optional<std::string> teacher_sha256;
  OrderedJson student = OrderedJson::object();
  std::string dtype;  ///< "float32", "bfloat16"
  uint64_t seed = 0;  ///< at most 2^63 - 1
  std::filesystem::path output_folder;
  std::vector<std::string> argv;  ///< the command line, for people
  std::vector<TrainingStage> stages;
};

/// Where a process works on it: may be another one when the run is resumed.
struct TrainingHost {
  OrderedJson machine = OrderedJson::object();
  OrderedJson build = OrderedJson::object();
  std::optional<int64_t> num_threads;
};

/// A place in a run: so many steps of a stage are done.
struct TrainingPlace {
  int64_t stage = 0;  ///< position in TrainingDescription::stages
  int64_t step = 0;
  auto operator<=>(const TrainingPlace&) const = default;
};

/// One step of the optimiser. What does not apply stays empty.
struct TrainingStep {
  TrainingPlace place;  ///< step: its number in the stage, from 0
  std::optional<double> loss;
  std::optional<double> divergence, cross_entropy;       ///< nats
  std::optional<double> layer_distance, mixer_distance;  ///< means over layers
  std::optional<double> margin;                          ///< of pairs of preferences, nats
  std::optional<double> preference_accuracy;             ///< share of pairs with a margin above 0
  std::optional<double> gradient_norm;                   ///< before clipping
  std::optional<double> learning_rate;
  int64_t num_rows = 0;               ///< tokens read
  std::optional<int64_t> num_labels;  ///< of them with a next token to learn
  std::optional<double> seconds;
  std::optional<int64_t> resident_bytes;
};

/// What a held-out document lost: the sum over its tokens, nats.
struct HeldOutDocument {
  int64_t num_tokens = 0;
  double nats = 0;
  bool operator==(const HeldOutDocument&) const = default;
};

struct TrainingValidation {
  TrainingPlace place;  ///< after so many steps of the stage
  std::string data;     ///< the name of the held-out data
  int64_t num_tokens = 0;
  std::optional<double> cross_entropy;          ///< nats a token
  std::optional<double> standard_error;         ///< of it, over documents
  std::optional<double> teacher_cross_entropy;  ///< on the same tokens
  /// Of held-out pairs of preferences, nats a pair; the rest as of a step.
  std::optional<double> preference_loss, margin, preference_accuracy;
  /// Document by document, and the hash of them all and of the context that they are read in: what
  /// runs are compared on in pairs. Of the validation at the end of a stage; else empty.
  std::string documents_sha256;
  std::vector<HeldOutDocument> documents;
};

struct TrainingCheckpoint {
  TrainingPlace place;  ///< after so many steps of the stage
  std::filesystem::path folder;
  std::optional<double> seconds;  ///< to write it
  std::optional<int64_t> bytes;
};

/// The student asked on tasks: a run of the same store.
struct TrainingEvaluation {
  TrainingPlace place;  ///< after so many steps of the stage
  int64_t run = 0;
};

enum class TrainingState { Running = 1, Complete, Failed, Interrupted };
std::string name_of(TrainingState state);

/// A process that worked on a run.
struct TrainingAttempt {
  TrainingState state = TrainingState::Running;
  std::string started;     ///< ISO-8601 UTC
  std::string last_saved;  ///< its last sign of life, or its end
  std::optional<std::string> failure;
  std::string host;
  int64_t process = 0;
  TrainingHost on;
  TrainingPlace from;
  int64_t num_dropped_steps = 0;  ///< of attempts before it, behind `from`
};

struct TrainingSummary {
  int64_t id = 0;
  TrainingDescription description;
  std::vector<TrainingAttempt> attempts;  ///< in order; never empty

  [[nodiscard]] TrainingState state() const { return attempts.back().state; }
};

}  // namespace hylo::reports
