#include "reports/store/training_log.h"

#include <SQLiteCpp/Transaction.h>

#include <utility>
#include <vector>

#include "harness/base/clock.h"
#include "reports/store/connection.h"
#include "reports/store/run_lock.h"
#include "reports/store/training_rows.h"

namespace hylo::reports {
namespace {

constexpr auto immediate = SQLite::TransactionBehavior::IMMEDIATE;

/// What a kill may lose.
constexpr double seconds_between_writes = 1;

RunLock lock_training(const Store& store, int64_t run) {
  auto lock = RunLock::attempt(store.file(), lock_of_training(run));
  if (!lock) hylo::fail("{}", training_busy_text(store.database(), store.file(), run));
  return std::move(*lock);
}

}  // namespace

struct TrainingLog::State {
  State(Store& in, int64_t run) : store(&in), id(run), lock(lock_training(in, run)) {
    stages = training_stage_ids(in.database(), run);
  }

  [[nodiscard]] int64_t stage_id(const TrainingPlace& place) const {
    invariant(0 <= place.stage && place.stage < std::ssize(stages) && place.step >= 0,
              "training run {} has no stage {} with a step {}", id, place.stage, place.step);
    return stages[static_cast<size_t>(place.stage)];
  }

  // All pending steps and what `further` writes, or nothing.
  template <class Further>
  void write(Further&& further) {
    invariant(lock.has_value(), "training run {} has ended", id);
    in_words(store->file(), [&] {
      SQLite::Transaction transaction(store->database(), immediate);
      insert_steps(store->database(), stages, pending);
      further(store->database());
      touch_attempt(store->database(), attempt);
      transaction.commit();
    });
    pending.clear();
    since_write = {};
  }

  Store* store;
  int64_t id;
  std::optional<RunLock> lock;  ///< until it ended
  std::vector<int64_t> stages;
  int64_t attempt = 0;
  bool is_resumed = false;
  std::vector<TrainingStep> pending;
  Stopwatch since_write;
};

TrainingLog::TrainingLog(std::unique_ptr<State> state) : state_(std::move(state)) {}
TrainingLog::TrainingLog(TrainingLog&&) noexcept = default;
TrainingLog& TrainingLog::operator=(TrainingLog&&) noexcept = default;

TrainingLog::~TrainingLog() {
  if (!state_ || !state_->lock || state_->pending.empty()) return;
  try {
    state_->write([](SQLite::Database&) {});
  } catch (const std::exception&) {
    // A destructor cannot tell it: the second that a kill would have lost is lost.
  }
}

int64_t TrainingLog::id() const { return state_->id; }
bool TrainingLog::is_resumed() const { return state_->is_resumed; }

TrainingLog TrainingLog::begin(Store& store, const TrainingDescription& run,
                               const TrainingHost& host) {
  check_description(run);
  return in_words(store.file(), [&] {
    SQLite::Transaction transaction(store.database(), immediate);
    const auto id = insert_training(store.database(), store.file(), run);
    auto state = std::make_unique<State>(store, id);
    state->attempt = begin_training_attempt(store.database(), id, host, {});
    transaction.commit();
    return TrainingLog(std::move(state));
  });
}

TrainingLog TrainingLog::resume(Store& store, const TrainingDescription& run,
                                const TrainingHost& host, const TrainingPlace& place) {
  check_description(run);
  return in_words(store.file(), [&] {
    auto& database = store.database();
    SQLite::Transaction transaction(database, immediate);
    const auto found = training_to_resume(database, run);
    if (found) require_same_recipe(database, store.file(), *found, run);
    const auto id = found ? *found : insert_training(database, store.file(), run);
    auto state = std::make_unique<State>(store, id);
    state->is_resumed = found.has_value();
    (void)state->stage_id(place);
    const auto num_dropped = drop_behind(database, state->stages, place);
    state->attempt = begin_training_attempt(database, id, host, {place, num_dropped});
    transaction.commit();
    return TrainingLog(std::move(state));
  });
}

void TrainingLog::add_step(const TrainingStep& step) {
  (void)state_->stage_id(step.place);
  invariant(state_->lock.has_value(), "training run {} has ended", id());
  state_->pending.push_back(step);
  if (state_->since_write.seconds() < seconds_between_writes) return;
  state_->write([](SQLite::Database&) {});
}

void TrainingLog::add_validation(const TrainingValidation& validation) {
  const auto stage = state_->stage_id(validation.place);
  state_->write(
      [&](SQLite::Database& database) { upsert_validation(database, stage, validation); });
}

void TrainingLog::add_checkpoint(const TrainingCheckpoint& checkpoint) {
  const auto stage = state_->stage_id(checkpoint.place);
  state_->write(
      [&](SQLite::Database& database) { upsert_checkpoint(database, stage, checkpoint); });
}

void TrainingLog::add_evaluation(const TrainingEvaluation& evaluation) {
  const auto stage = state_->stage_id(evaluation.place);
  state_->write(
      [&](SQLite::Database& database) { upsert_evaluation(database, stage, evaluation); });
}

void TrainingLog::finish() { end(TrainingState::Complete, std::nullopt); }
void TrainingLog::stop() { end(TrainingState::Interrupted, std::nullopt); }
void TrainingLog::fail(const std::string& reason) { end(TrainingState::Failed, reason); }

void TrainingLog::end(TrainingState state, const std::optional<std::string>& failure) {
  state_->write(
      [&](SQLite::Database& database) { end_attempt(database, state_->attempt, state, failure); });
  write_log_back(state_->store->database());
  state_->lock.reset();
}

}  // namespace hylo::reports
