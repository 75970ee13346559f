// What a training run writes down while it goes on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "reports/store/store.h"
#include "reports/store/training_records.h"

namespace hylo::reports {

/// A training run that this process alone is working on; the kernel gives it free when the process
/// ends, however it ends. Steps are written about once a second, all else at once: a kill loses
/// about a second of steps and nothing that a checkpoint had behind it. Dropping the log without
/// finish, stop or fail leaves the run interrupted. The store must outlive it and be writable.
/// All functions throw Error when the disk is full or the store is locked; what was written before
/// stays, what was not is tried again by the next call.
class TrainingLog {
 public:
  /// A new run. Throws Error when the name is taken.
  static TrainingLog begin(Store& store, const TrainingDescription& run, const TrainingHost& host);

  /// Goes on from `place`: what the run of this name (without one: the newest nameless run with
  /// this output folder) noted behind it is deleted. Where the store has no such run, a new one is
  /// begun there, and its report says that the steps before are elsewhere. Throws Error when
  /// another process works on it or when its recipe or its stages are others.
  static TrainingLog resume(Store& store, const TrainingDescription& run, const TrainingHost& host,
                            const TrainingPlace& place);

  TrainingLog(TrainingLog&&) noexcept;
  TrainingLog& operator=(TrainingLog&&) noexcept;
  ~TrainingLog();

  [[nodiscard]] int64_t id() const;
  [[nodiscard]] bool is_resumed() const;  ///< the store had its steps before

  void add_step(const TrainingStep& step);
  /// The same data at the same place again take the place of the first; so for checkpoints and
  /// evaluations.
  void add_validation(const TrainingValidation& validation);
  void add_checkpoint(const TrainingCheckpoint& checkpoint);
  /// The run may go on meanwhile and later.
  void add_evaluation(const TrainingEvaluation& evaluation);

  void finish();                         ///< complete: nothing may be added any more
  void stop();                           ///< ended in order, to be resumed
  void fail(const std::string& reason);  ///< may be resumed too

 private:
  struct State;
  explicit TrainingLog(std::unique_ptr<State> state);
  void end(TrainingState state, const std::optional<std::string>& failure);
  std::unique_ptr<State> state_;
};

}  // namespace hylo::reports
