#include "reports/store/training_history.h"

#include <SQLiteCpp/Statement.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "harness/base/unicode.h"
#include "reports/store/connection.h"
#include "reports/store/run_lock.h"
#include "reports/store/training_rows.h"
#include "reports/store/values.h"

namespace hylo::reports {
namespace {

constexpr auto run_columns =
    "SELECT id, coalesce(name, ''), recipe_name, recipe, teacher_name, teacher_sha256, student, "
    "dtype, seed, output_folder, argv FROM training_run ";

std::optional<int64_t> whole_in(const SQLite::Column& column) {
  if (column.isNull()) return std::nullopt;
  return column.getInt64();
}

std::vector<TrainingStage> read_stages(SQLite::Database& database, int64_t run) {
  SQLite::Statement query(database,
                          "SELECT name, kind, num_steps, tokens_per_step, context_length FROM "
                          "training_stage WHERE run = ? ORDER BY position");
  query.bind(1, run);
  std::vector<TrainingStage> stages;
  while (query.executeStep()) {
    stages.push_back({.name = query.getColumn(0).getString(),
                      .kind = query.getColumn(1).getString(),
                      .num_steps = query.getColumn(2).getInt64(),
                      .tokens_per_step = whole_in(query.getColumn(3)),
                      .context_length = whole_in(query.getColumn(4))});
  }
  return stages;
}

TrainingAttempt attempt_in(SQLite::Statement& row) {
  return {.state = static_cast<TrainingState>(row.getColumn(0).getInt()),
          .started = row.getColumn(1).getString(),
          .last_saved = row.getColumn(2).getString(),
          .failure = text_in(row.getColumn(3)),
          .host = row.getColumn(4).getString(),
          .process = row.getColumn(5).getInt64(),
          .on = {.machine = json_in(row.getColumn(6)),
                 .build = json_in(row.getColumn(7)),
                 .num_threads = whole_in(row.getColumn(8))},
          .from = {row.getColumn(9).getInt64(), row.getColumn(10).getInt64()},
          .num_dropped_steps = row.getColumn(11).getInt64()};
}

std::vector<TrainingAttempt> read_attempts(const Store& store, int64_t run) {
  SQLite::Statement query(
      store.database(),
      "SELECT state, started, last_saved, failure, host, process, machine.description, "
      "build.description, num_threads, from_stage, from_step, num_dropped_steps "
      "FROM training_attempt JOIN machine ON machine.id = machine JOIN build ON build.id = build "
      "WHERE run = ? ORDER BY training_attempt.id");
  query.bind(1, run);
  std::vector<TrainingAttempt> attempts;
  while (query.executeStep()) attempts.push_back(attempt_in(query));
  invariant(!attempts.empty(), "training run {} was never worked on", run);
  // Who was killed could not say so.
  auto& last = attempts.back();
  if (last.state == TrainingState::Running &&
      !RunLock::is_held(store.file(), lock_of_training(run))) {
    last.state = TrainingState::Interrupted;
  }
  return attempts;
}

std::vector<TrainingSummary> summaries(const Store& store, SQLite::Statement& query) {
  std::vector<TrainingSummary> runs;
  while (query.executeStep()) {
    auto& run = runs.emplace_back();
    run.id = query.getColumn(0).getInt64();
    run.description = {.name = query.getColumn(1).getString(),
                       .recipe_name = query.getColumn(2).getString(),
                       .recipe = json_in(query.getColumn(3)),
                       .teacher_name = text_in(query.getColumn(4)),
                       .teacher_sha256 = text_in(query.getColumn(5)),
                       .student = json_in(query.getColumn(6)),
                       .dtype = query.getColumn(7).getString(),
                       .seed = static_cast<uint64_t>(query.getColumn(8).getInt64()),
                       .output_folder = query.getColumn(9).getString(),
                       .argv = json_in(query.getColumn(10)).get<std::vector<std::string>>(),
                       .stages = read_stages(store.database(), run.id)};
    run.attempts = read_attempts(store, run.id);
  }
  return runs;
}

std::string no_such_training(const Store& store, const std::string& wanted) {
  const auto file = store.file().string();
  std::vector<std::string> names;
  SQLite::Statement query(store.database(),
                          "SELECT coalesce(name, CAST(id AS TEXT)) FROM training_run "
                          "ORDER BY id DESC");
  while (query.executeStep()) names.push_back(query.getColumn(0).getString());
  if (names.empty()) {
    return fmt::format("{}: there are no training runs; `hylo distill` and `hylo train` make them",
                       file);
  }
  if (const auto near = nearest(wanted, names)) {
    return fmt::format("{}: there is no training run '{}'; did you mean '{}'?", file, wanted,
                       *near);
  }
  constexpr size_t max_named = 8;
  names.resize(std::min(names.size(), max_named));
  return fmt::format("{}: there is no training run '{}'; use latest, a number or a name: {}", file,
                     wanted, fmt::join(names, ", "));
}

TrainingStep step_in(SQLite::Statement& row, int64_t stage) {
  return {.place = {stage, row.getColumn(0).getInt64()},
          .loss = number_in(row.getColumn(1)),
          .divergence = number_in(row.getColumn(2)),
          .cross_entropy = number_in(row.getColumn(3)),
          .layer_distance = number_in(row.getColumn(4)),
          .mixer_distance = number_in(row.getColumn(5)),
          .margin = number_in(row.getColumn(12)),
          .preference_accuracy = number_in(row.getColumn(13)),
          .gradient_norm = number_in(row.getColumn(6)),
          .learning_rate = number_in(row.getColumn(7)),
          .num_rows = row.getColumn(8).getInt64(),
          .num_labels = whole_in(row.getColumn(9)),
          .seconds = number_in(row.getColumn(10)),
          .resident_bytes = whole_in(row.getColumn(11))};
}

}  // namespace

std::string name_of(TrainingState state) {
  switch (state) {
    case TrainingState::Running:
      return "running";
    case TrainingState::Complete:
      return "complete";
    case TrainingState::Failed:
      return "failed";
    case TrainingState::Interrupted:
      return "interrupted";
  }
  invariant(false, "state {} is not one of ours", static_cast<int>(state));
  return "";
}

TrainingSummary find_training(const Store& store, std::string_view id_name_or_latest) {
  const std::string wanted(id_name_or_latest);
  return in_words(store.file(), [&] {
    SQLite::Statement query(
        store.database(), std::string(run_columns) +
                              "WHERE name = ?1 OR CAST(id AS TEXT) = ?1 OR (?1 = 'latest' AND id = "
                              "(SELECT run FROM training_attempt ORDER BY id DESC LIMIT 1))");
    query.bind(1, wanted);
    auto found = summaries(store, query);
    if (found.empty()) fail("{}", no_such_training(store, wanted));
    return std::move(found.front());
  });
}

std::vector<TrainingSummary> training_runs(const Store& store) {
  return in_words(store.file(), [&] {
    SQLite::Statement query(store.database(), std::string(run_columns) + "ORDER BY id");
    return summaries(store, query);
  });
}

TrainingTotals training_totals(const Store& store, int64_t run) {
  return in_words(store.file(), [&] {
    SQLite::Statement query(
        store.database(),
        "SELECT count(*), coalesce(sum(num_rows), 0), coalesce(sum(seconds), 0) FROM training_step "
        "JOIN training_stage ON training_stage.id = stage WHERE run = ?");
    query.bind(1, run);
    query.executeStep();
    return TrainingTotals{query.getColumn(0).getInt64(), query.getColumn(1).getInt64(),
                          query.getColumn(2).getDouble()};
  });
}

void read_training_steps(const Store& store, int64_t run, int64_t stage,
                         const std::function<void(const TrainingStep&)>& on_step) {
  in_words(store.file(), [&] {
    SQLite::Statement query(
        store.database(),
        "SELECT step, loss, divergence, cross_entropy, layer_distance, mixer_distance, "
        "gradient_norm, learning_rate, num_rows, num_labels, seconds, resident_bytes, margin, "
        "preference_accuracy "
        "FROM training_step WHERE stage = (SELECT id FROM training_stage WHERE run = ? AND "
        "position = ?) ORDER BY step");
    query.bind(1, run);
    query.bind(2, stage);
    while (query.executeStep()) on_step(step_in(query, stage));
  });
}

std::vector<TrainingValidation> training_validations(const Store& store, int64_t run) {
  return in_words(store.file(), [&] {
    SQLite::Statement query(
        store.database(),
        "SELECT position, step, data, num_tokens, cross_entropy, standard_error, "
        "teacher_cross_entropy, preference_loss, margin, preference_accuracy, documents_sha256, "
        "document_losses FROM training_validation JOIN training_stage ON "
        "training_stage.id = stage WHERE run = ? ORDER BY position, step, data");
    query.bind(1, run);
    std::vector<TrainingValidation> rows;
    while (query.executeStep()) {
      rows.push_back({.place = {query.getColumn(0).getInt64(), query.getColumn(1).getInt64()},
                      .data = query.getColumn(2).getString(),
                      .num_tokens = query.getColumn(3).getInt64(),
                      .cross_entropy = number_in(query.getColumn(4)),
                      .standard_error = number_in(query.getColumn(5)),
                      .teacher_cross_entropy = number_in(query.getColumn(6)),
                      .preference_loss = number_in(query.getColumn(7)),
                      .margin = number_in(query.getColumn(8)),
                      .preference_accuracy = number_in(query.getColumn(9))});
      if (query.getColumn(11).isNull()) continue;
      rows.back().documents_sha256 = query.getColumn(10).getString();
      rows.back().documents = losses_in(query.getColumn(11).getString());
    }
    return rows;
  });
}

std::vector<TrainingCheckpoint> training_checkpoints(const Store& store, int64_t run) {
  return in_words(store.file(), [&] {
    SQLite::Statement query(store.database(),
                            "SELECT position, step, folder, seconds, bytes FROM "
                            "training_checkpoint JOIN training_stage ON training_stage.id = stage "
                            "WHERE run = ? ORDER BY position, step");
    query.bind(1, run);
    std::vector<TrainingCheckpoint> rows;
    while (query.executeStep()) {
      rows.push_back({.place = {query.getColumn(0).getInt64(), query.getColumn(1).getInt64()},
                      .folder = query.getColumn(2).getString(),
                      .seconds = number_in(query.getColumn(3)),
                      .bytes = whole_in(query.getColumn(4))});
    }
    return rows;
  });
}

std::vector<TrainingEvaluation> training_evaluations(const Store& store, int64_t run) {
  return in_words(store.file(), [&] {
    SQLite::Statement query(store.database(),
                            "SELECT position, step, training_evaluation.run FROM "
                            "training_evaluation JOIN training_stage ON training_stage.id = stage "
                            "WHERE training_stage.run = ? ORDER BY position, step");
    query.bind(1, run);
    std::vector<TrainingEvaluation> rows;
    while (query.executeStep()) {
      rows.push_back({.place = {query.getColumn(0).getInt64(), query.getColumn(1).getInt64()},
                      .run = query.getColumn(2).getInt64()});
    }
    return rows;
  });
}

}  // namespace hylo::reports
