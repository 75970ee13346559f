// The headline of HyLo in the small: a teacher that was trained on short contexts, and whether its
// hybrid finds at 32 times their length what the teacher does not. Paper: arXiv 2604.24715.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/json.h"
#include "models/config/model_config.h"

namespace hylo::harness {

/// A verb of hylo with its words, as one would type them.
struct ReproducedStep {
  std::string title;
  std::vector<std::string> words;
  std::filesystem::path makes_anew;  ///< removed before, for the verb writes over nothing; or empty
};

struct ReproducedArm {
  std::string name;  ///< of its run in the store
  std::string title;
  std::filesystem::path model;
};

struct HeadlineOptions {
  std::filesystem::path out;      ///< of everything that is made
  std::filesystem::path recipes;  ///< folder of headline-small-*.json; empty: those that ship
  int64_t num_samples = 200;      ///< of each task and length
  int64_t most_times = 32;        ///< lengths are 1, 2, 4, ... times the teacher's, up to this
  int64_t threads = 1;            ///< of trainings
};

class Headline {
 public:
  explicit Headline(HeadlineOptions options);

  /// Makes the folder and writes into it what it is for. Throws Error where it was made for other
  /// samples or lengths: their results would stand beside each other.
  void begin() const;

  /// In order. A step that was interrupted goes on when it is run again.
  [[nodiscard]] std::vector<ReproducedStep> steps() const;
  [[nodiscard]] std::vector<ReproducedArm> arms() const;
  [[nodiscard]] std::filesystem::path store() const { return options_.out / "hylo.db"; }

  /// When all steps are done: for each arm and length the mean of the tasks, what a sequence's
  /// cache weighs and how long a prompt is read (measured now). A document for reports/render.
  [[nodiscard]] OrderedJson report() const;

 private:
  [[nodiscard]] std::vector<int64_t> lengths() const;  ///< in tokens
  [[nodiscard]] std::filesystem::path student_of(const std::string& training) const;
  [[nodiscard]] std::string recipe(const std::string& arm) const;
  [[nodiscard]] ReproducedStep training(const std::string& verb, const std::string& name,
                                        const std::string& title) const;
  [[nodiscard]] OrderedJson rows_of(const ReproducedArm& arm, const models::ModelConfig& teacher,
                                    const OrderedJson& run) const;
  HeadlineOptions options_;
};

}  // namespace hylo::harness
