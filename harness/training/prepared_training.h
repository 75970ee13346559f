// A recipe with everything that it names opened: models, tokenizer, data.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/training/folder_lock.h"
#include "harness/training/student_evaluation.h"
#include "harness/training/training_data.h"
#include "models/distill/recipe.h"
#include "models/distill/training.h"
#include "models/tokenizer/tokenizer.h"
#include "models/weights/checkpoint.h"

namespace hylo::harness {

/// In the place of what the recipe says of its evaluation.
struct EvaluationRequest {
  std::vector<std::string> tasks;
  std::optional<int64_t> every, limit;
  std::filesystem::path sets;
  bool is_off = false;
};

struct TrainingRequest {
  std::string recipe;               ///< a file, or the name of one that ships
  std::filesystem::path base;       ///< of whose layers the student is made; empty: the recipe's
  std::filesystem::path teacher;    ///< of logits; empty: the base
  std::filesystem::path tokenizer;  ///< folder or file; empty: the base's
  std::filesystem::path data_root;  ///< where paths of data begin
  std::filesystem::path out;
  std::optional<uint64_t> seed;  ///< instead of the recipe's
  EvaluationRequest evaluation;
  bool skip_bad_lines = false;
  bool reads_data = true;  ///< false: for those who look at the plan only
};

/// Told what goes on while things are opened: a line, or how far the teacher's writing is, in
/// documents, and the keeping of its logits, in tokens.
struct TrainingNotices {
  std::function<void(const std::string&)> on_note;
  /// May throw to end the writing: what is finished is kept, and the next run goes on behind it.
  std::function<void(const std::string&, int64_t, int64_t)> on_written;
  /// May throw as well: a file that is not finished is begun anew by the next run.
  std::function<void(const std::string&, int64_t, int64_t)> on_kept;
};

/// Reads a recipe by name (models/recipes) or from a file, seed and evaluation of the request in
/// the place of its own.
models::Recipe open_recipe(const TrainingRequest& request);
/// Names of recipes that ship, in order of the alphabet.
std::vector<std::string> shipped_recipes();

class PreparedTraining {
 public:
  /// Opens all, and holds `out` for this process. Throws Error: what is missing, does not fit, or
  /// cannot be read, or another training writes into `out`.
  PreparedTraining(const TrainingRequest& request, const TrainingNotices& notices);

  [[nodiscard]] const models::Recipe& recipe() const { return recipe_; }
  [[nodiscard]] const models::ModelConfig& student() const { return student_; }
  [[nodiscard]] const models::Decoder* base() const { return base_ ? &*base_ : nullptr; }
  [[nodiscard]] const models::Decoder* teacher() const { return teacher_ ? &*teacher_ : base(); }
  [[nodiscard]] const models::Provenance& provenance() const { return provenance_; }
  [[nodiscard]] const TrainingData& data() const { return data_; }
  /// Writes what stages learn of the teacher's logits and is not there yet: hours of work, so what
  /// can be wrong with the training is to be known before. Its stages ask for it.
  void keep_logits(const TrainingNotices& notices);
  /// Null: the student is asked nothing.
  [[nodiscard]] StudentEvaluation* evaluation() const { return evaluation_.get(); }
  [[nodiscard]] models::TrainingPlan plan() const;

  /// The teacher's on the held-out documents: measured once and kept in `out`.
  [[nodiscard]] models::HeldOutLoss teachers_loss(const models::Training& training) const;

  /// Frees the model of whose layers the student was made, unless it is the teacher too.
  void release_base();

  /// Writes the student into `out`/student, in the recipe's type, with the tokenizer's files beside
  /// it: a checkpoint that every verb opens. What the training took is in its training.json. Gives
  /// the folder.
  [[nodiscard]] std::filesystem::path write_student(const models::Training& training) const;

 private:
  void open_models();
  void check() const;
  void note_other_tokenizer(const TrainingNotices& notices) const;
  void open_tokenizer();
  [[nodiscard]] std::string key_of_teachers_loss() const;
  [[nodiscard]] models::ModelWeights initial() const;
  [[nodiscard]] KeptLogits likeliest_of(int64_t stage) const;
  [[nodiscard]] models::ModelWeights narrowed(const models::NarrowedStudent& narrow,
                                              const models::Checkpoint& base) const;

  TrainingRequest request_;
  models::Recipe recipe_;
  std::optional<models::Decoder> base_, teacher_;
  std::filesystem::path tokenizer_place_;
  std::shared_ptr<const models::Tokenizer> tokenizer_;
  models::ModelConfig student_;
  models::Provenance provenance_;
  std::unique_ptr<StudentEvaluation> evaluation_;
  std::unique_ptr<FolderLock> lock_;
  TrainingData data_;
  std::map<int64_t, KeptLogits> likeliest_;  ///< by stage
};

}  // namespace hylo::harness
