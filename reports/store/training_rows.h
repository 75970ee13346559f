// Training runs into rows, inside the caller's transaction.
#pragma once

#include <SQLiteCpp/Database.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "reports/store/training_records.h"

namespace hylo::reports {

/// Runs of evaluations lock the bytes of their ids: training runs have theirs far behind them.
inline int64_t lock_of_training(int64_t run) { return (int64_t{1} << 40) + run; }

/// Throws Error for a name or seed that cannot be stored.
void check_description(const TrainingDescription& run);

/// The run that has this name, or the newest nameless one with this output folder.
std::optional<int64_t> training_to_resume(SQLite::Database& database,
                                          const TrainingDescription& run);
/// Throws Error, naming the first key that differs, unless the stored recipe is the given one.
void require_same_recipe(SQLite::Database& database, const std::filesystem::path& file, int64_t id,
                         const TrainingDescription& run);

int64_t insert_training(SQLite::Database& database, const std::filesystem::path& file,
                        const TrainingDescription& run);
/// The ids of its stages, by position.
std::vector<int64_t> training_stage_ids(SQLite::Database& database, int64_t run);

/// Deletes what was noted behind a place; the number of steps among it.
int64_t drop_behind(SQLite::Database& database, std::span<const int64_t> stages,
                    const TrainingPlace& place);

struct NewAttempt {
  TrainingPlace from;
  int64_t num_dropped_steps = 0;
};
/// Notes who works on it from now on. Attempts that were killed become interrupted ones. The id.
int64_t begin_training_attempt(SQLite::Database& database, int64_t run, const TrainingHost& host,
                               const NewAttempt& attempt);

void insert_steps(SQLite::Database& database, std::span<const int64_t> stages,
                  std::span<const TrainingStep> steps);
/// [[tokens, nats], ...] and back. Throws Error for a text that is not that.
std::string losses_text(std::span<const HeldOutDocument> documents);
std::vector<HeldOutDocument> losses_in(const std::string& text);
void upsert_validation(SQLite::Database& database, int64_t stage,
                       const TrainingValidation& validation);
void upsert_checkpoint(SQLite::Database& database, int64_t stage,
                       const TrainingCheckpoint& checkpoint);
void upsert_evaluation(SQLite::Database& database, int64_t stage,
                       const TrainingEvaluation& evaluation);
/// Now is its last sign of life.
void touch_attempt(SQLite::Database& database, int64_t attempt);
void end_attempt(SQLite::Database& database, int64_t attempt, TrainingState state,
                 const std::optional<std::string>& failure);

/// Why a run cannot be taken: which process has it.
std::string training_busy_text(SQLite::Database& database, const std::filesystem::path& file,
                               int64_t run);

}  // namespace hylo::reports
